import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import { messageOf } from '../../src/errors.ts';
import type { ModelledBackend } from './backends.ts';
import { COPY_STEPS } from './copies.ts';
import { checkEnding } from './ending.ts';
import { checkInvariants } from './invariants.ts';
import { LIST_STEPS } from './lists.ts';
import { makeWorld } from './local.ts';
import { NODE_STEPS } from './nodes.ts';
import type { Step, StepKind } from './step.ts';
import { VOLUME_STEPS } from './volumes.ts';
import type { World } from './world.ts';

/** STOWAGE_MODEL_SEED and STOWAGE_MODEL_PATH run what failed again; STOWAGE_MODEL_RUNS makes more sequences. */
const SEED = Number(process.env.STOWAGE_MODEL_SEED ?? 1);
const PATH = process.env.STOWAGE_MODEL_PATH;
const RUNS = Number(process.env.STOWAGE_MODEL_RUNS ?? 2);
const MAX_STEPS = 100;
/** How long a failing sequence is made shorter. */
const SHRINK_MS = 60_000;
const RUN_TIMEOUT_MS = 60_000;

const STEPS = [...VOLUME_STEPS, ...NODE_STEPS, ...COPY_STEPS, ...LIST_STEPS];

export const several = <W>(kinds: readonly StepKind<W>[], maxLength: number) =>
  fc.array(fc.oneof(...kinds), { maxLength, size: 'max' });

/** A few volumes to begin with. Unbiased, since short sequences of small numbers reach little. */
const sequences = fc
  .noBias(fc.tuple(several(VOLUME_STEPS.slice(0, 1), 6), several(STEPS, MAX_STEPS)))
  .map(([first, rest]) => [...first, ...rest]);

/** What a model is of: its world is made anew for each sequence. */
export interface Modelled<W> {
  readonly title: string;
  readonly sequences: fc.Arbitrary<readonly Step<W>[]>;
  readonly make: () => Promise<W>;
  readonly checkInvariants: (world: W) => Promise<void>;
  readonly checkEnding: (world: W) => Promise<void>;
  readonly cleanup: (world: W) => Promise<void>;
  /** How long one sequence may take. */
  readonly limitMs?: number;
}

/** Random sequences of calls against the model of CSI, on the pools of one driver. */
export function describeModel(backend: ModelledBackend, runs: number = RUNS, limitMs = RUN_TIMEOUT_MS): void {
  const { title } = backend;
  const make = () => makeWorld(backend);
  const cleanup = ({ at }: World) => at.cleanup();
  describeSequences({ title, sequences, make, checkInvariants, checkEnding, cleanup, limitMs }, runs);
}

export function describeSequences<W>(modelled: Modelled<W>, runs: number): void {
  describe(`${modelled.title} behaves as the model of CSI says`, () => {
    it(
      `in ${runs} random sequences of calls with restarts`,
      async () => {
        let shrinkUntilMs = Number.MAX_SAFE_INTEGER;
        const property = fc.asyncProperty(modelled.sequences, async (steps) => {
          if (Date.now() > shrinkUntilMs) return; // as if nothing shorter failed: what was found is told
          try {
            await runSteps(modelled, steps);
          } catch (error) {
            shrinkUntilMs = Math.min(shrinkUntilMs, Date.now() + SHRINK_MS);
            throw error;
          }
        });
        const again = PATH === undefined ? {} : { path: PATH };
        await fc.assert(property, { seed: SEED, numRuns: runs, includeErrorInReport: true, ...again });
      },
      runs * (modelled.limitMs ?? RUN_TIMEOUT_MS) + 4 * SHRINK_MS,
    );
  });
}

async function runSteps<W>(modelled: Modelled<W>, steps: readonly Step<W>[]): Promise<void> {
  const world = await modelled.make();
  let now = 'the start';
  try {
    for (const [index, { title, run }] of steps.entries()) {
      now = `step ${index}, ${title}`;
      await run(world);
      await modelled.checkInvariants(world);
    }
    now = 'the end';
    await modelled.checkEnding(world);
  } catch (error) {
    throw new Error(`${now}: ${messageOf(error)} (STOWAGE_MODEL_SEED=${SEED})`, { cause: error });
  } finally {
    await modelled.cleanup(world);
  }
}
