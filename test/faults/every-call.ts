import { stripVTControlCharacters } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Call, How } from './inject.ts';
import { type BackendName, isServed, makePlace, type Place } from './place.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { type Bench, dismantle, type Outcome, prepare, rehearse, tryWith } from './trial.ts';

const isFull = process.env.STOWAGE_FAULTS === 'full';
const TIMEOUT_MS = isFull ? 1_800_000 : 300_000;

/** One way of failing, and whether the call is made once more before the restart. */
export interface Variant {
  readonly how: How;
  readonly again: boolean;
}

const FIRST: Variant = { how: 'fail-before', again: true };
const CHANGE_VARIANTS = [
  FIRST,
  { how: 'die-before', again: false },
  { how: 'fail-after', again: true },
  { how: 'die-after', again: false },
] as const satisfies readonly Variant[];
/** Of little more use: the restart alone must do what another call did. */
const FULL_VARIANTS = [
  ...CHANGE_VARIANTS,
  { how: 'fail-before', again: false },
  { how: 'fail-after', again: false },
] as const satisfies readonly Variant[];

/** Outside of full runs one in so many calls is struck; no multiples of the number of ways, so that all are met. */
const CHANGES_EACH = 7;
const READS_EACH = 23;

/**
 * How to strike this call. In full every way; else one in seven, in one way, in turn, since what fails in the tries of one call is
 * found in those of its neighbours, of other scenarios and of other backends, too. A call that only looks can do no more than fail: dying at it is
 * dying after the last change before.
 */
function variantsOf(call: Call | undefined, turn: number, backend: BackendName): readonly Variant[] {
  const changes = call?.effect === 'changes';
  // A try takes seconds where pools are served, and looks fail with the same pools that are not.
  if (isFull && (changes || !isServed(backend))) return changes ? FULL_VARIANTS : [FIRST];
  if (call === undefined) return [FIRST];
  if (turn % (changes ? CHANGES_EACH : READS_EACH) !== 0) return [];
  return [changes ? (CHANGE_VARIANTS[turn % CHANGE_VARIANTS.length] ?? FIRST) : FIRST];
}

/** One test for each scenario of the backend: every call to the host fails once, in every way. */
export function describeEveryCall(backend: BackendName, scenarios: readonly Scenario[] = SCENARIOS[backend]): void {
  describe(`${backend}: any call to the host may fail, or be the last`, () => {
    let place: Place | undefined;
    afterAll(() => place?.cleanup());

    it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
      '%s',
      async (_name, scenario) => {
        place ??= await makePlace(backend);
        const failures = await failuresOf(place, scenario, SCENARIOS[backend].indexOf(scenario));
        if (failures.length > 0) {
          const spoilt = place;
          place = undefined;
          await spoilt.cleanup();
        }
        expect(failures).toEqual([]);
      },
      TIMEOUT_MS,
    );
  });
}

/**
 * Strikes one call after another until the operation makes no more; how many it makes differs with what is cached.
 * Ends with the first failure: what it left would spoil the others.
 */
async function failuresOf(place: Place, scenario: Scenario, firstTurn: number): Promise<string[]> {
  const bench = await prepare(place, scenario);
  const { calls, outcome } = await rehearse(bench);
  for (let index = 0; ; index++) {
    for (const variant of variantsOf(calls[index], firstTurn + index, place.backend)) {
      const { struck, failure } = await failureAt(bench, index, variant, outcome);
      if (failure !== undefined) return [failure];
      if (struck !== undefined || index < calls.length) continue;
      await dismantle(bench);
      return [];
    }
  }
}

async function failureAt(
  bench: Bench,
  index: number,
  { how, again }: Variant,
  expected: Outcome,
): Promise<{ readonly struck?: Call | undefined; readonly failure?: string }> {
  try {
    const { struck, outcome } = await tryWith(bench, { at: (call) => call.index === index, how }, again);
    expect(outcome).toEqual(expected);
    return { struck };
  } catch (error) {
    const method = bench.running.faulty.struck()?.method ?? 'an earlier driver';
    return { failure: `${how} call ${index}, ${method}${again ? ', called again' : ''}: ${describeError(error)}` };
  }
}

/** The error and what is beneath it; of a comparison only what differs. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = stripVTControlCharacters(error.message);
  const isComparison = text.startsWith('expect(');
  const message = isComparison
    ? text
        .split('\n')
        .filter((line) => /^[-+]/.test(line))
        .join('\n')
    : text;
  return error.cause === undefined ? message : `${message}: ${describeError(error.cause)}`;
}
