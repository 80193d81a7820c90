import fc from 'fast-check';
import { describeSequences, several } from '../model/describe.ts';
import { checkShareEnding, checkShareInvariants } from '../model/shares/checks.ts';
import { SHARE_GROUP_STEPS } from '../model/shares/groups.ts';
import { HALT, RESTART, RESUME, SHARE_NODE_STEPS } from '../model/shares/nodes.ts';
import { CREATE, SHARE_VOLUME_STEPS } from '../model/shares/volumes.ts';
import { cleanUpShares, makeShareWorld } from '../model/shares/world.ts';

const RUNS = process.env.STOWAGE_MODEL_RUNS;
/** Outside of longer runs there is time for a short sequence, in the guest. */
const LENGTH = RUNS === undefined ? 0.2 : 1;

const CALLS = [...SHARE_VOLUME_STEPS, ...SHARE_GROUP_STEPS, ...SHARE_NODE_STEPS];

/** In each a server goes down, and the driver starts anew beside it in some. */
const sequences = fc
  .noBias(
    fc.tuple(
      several([CREATE], 4),
      several(CALLS, 60 * LENGTH),
      HALT.arbitrary.map((halt) => [halt]),
      several(CALLS, 10 * LENGTH),
      several([RESTART], 1),
      several([...CALLS, HALT, RESUME, RESTART], 30 * LENGTH),
    ),
  )
  .map((parts) => parts.flat());

describeSequences(
  {
    title: 'share mode on servers that come and go',
    sequences,
    make: makeShareWorld,
    checkInvariants: checkShareInvariants,
    checkEnding: checkShareEnding,
    cleanup: cleanUpShares,
    limitMs: 300_000, // whoever asks a silent server waits
  },
  Number(RUNS ?? 1),
);
