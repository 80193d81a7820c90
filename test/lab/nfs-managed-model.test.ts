import fc from 'fast-check';
import { COPY_STEPS } from '../model/copies.ts';
import { describeSequences, several } from '../model/describe.ts';
import { LIST_STEPS } from '../model/lists.ts';
import { checkManagedEnding, checkManagedInvariants } from '../model/managed/checks.ts';
import { MEDDLED_RESTART } from '../model/managed/meddling.ts';
import { LOSE_A_NAME, MANAGED_NODE_STEPS } from '../model/managed/nodes.ts';
import { cleanUpManaged, type ManagedWorld, makeManagedWorld } from '../model/managed/world.ts';
import type { StepKind } from '../model/step.ts';
import { VOLUME_STEPS } from '../model/volumes.ts';

const RUNS = process.env.STOWAGE_MODEL_RUNS;
/** Outside of longer runs there is time for a short sequence, in the guest. */
const MAX_STEPS = RUNS === undefined ? 25 : 100;

const STEPS: readonly StepKind<ManagedWorld>[] = [
  ...[...VOLUME_STEPS, ...COPY_STEPS, ...LIST_STEPS, ...MANAGED_NODE_STEPS],
  LOSE_A_NAME,
  MEDDLED_RESTART,
];

/** A few volumes to begin with, some of them attached. */
const sequences = fc
  .noBias(
    fc.tuple(
      fc.array(fc.oneof(...VOLUME_STEPS.slice(0, 1).map(({ arbitrary }) => arbitrary)), { minLength: 2, maxLength: 4 }),
      LOSE_A_NAME.arbitrary.map((lose) => [lose]),
      several(MANAGED_NODE_STEPS.slice(0, 1), 3),
      several(STEPS, MAX_STEPS),
    ),
  )
  .map((parts) => parts.flat());

describeSequences(
  {
    title: 'managed mode, with its exports,',
    sequences,
    make: makeManagedWorld,
    checkInvariants: checkManagedInvariants,
    checkEnding: checkManagedEnding,
    cleanup: cleanUpManaged,
    limitMs: 300_000,
  },
  Number(RUNS ?? 1),
);
