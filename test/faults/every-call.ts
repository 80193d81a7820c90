import { stripVTControlCharacters } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Call, How } from './inject.ts';
import { type BackendName, makePlace, type Place } from './place.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { type Bench, dismantle, type Outcome, prepare, rehearse, tryWith } from './trial.ts';

const isFull = process.env.STOWAGE_FAULTS === 'full';
const TIMEOUT_MS = isFull ? 1_800_000 : 300_000;

/** One way of failing, and whether the call is made once more before the restart. */
export interface Variant {
  readonly how: How;
  readonly again: boolean;
}

/** The ways besides failing before it is done. A call that only looks has none: dying at it is dying after the last change before. */
function otherVariantsOf({ effect, index }: Call): Variant[] {
  if (effect === 'reads') return [];
  const all: Variant[] = [
    { how: 'fail-after', again: true },
    { how: 'die-before', again: false },
    { how: 'die-after', again: false },
  ];
  if (isFull) return [...all, { how: 'fail-before', again: false }, { how: 'fail-after', again: false }];
  // Dying after one change is dying before the next, but for what only looks between them.
  return all.filter(({ how }) => how !== 'die-after' || index % 2 === 0);
}

/** One test for each scenario of the backend: every call to the host fails once, in every way. */
export function describeEveryCall(backend: BackendName): void {
  describe(`${backend}: any call to the host may fail, or be the last`, () => {
    let place: Place | undefined;
    afterAll(() => place?.cleanup());

    it.each(SCENARIOS[backend].map((scenario) => [scenario.name, scenario] as const))(
      '%s',
      async (_name, scenario) => {
        place ??= await makePlace(backend);
        const failures = await failuresOf(place, scenario);
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
async function failuresOf(place: Place, scenario: Scenario): Promise<string[]> {
  const bench = await prepare(place, scenario);
  const { outcome } = await rehearse(bench);
  for (let index = 0; ; index++) {
    const first = await failureAt(bench, index, { how: 'fail-before', again: true }, outcome);
    if (first.failure !== undefined) return [first.failure];
    if (first.struck === undefined) break;
    for (const variant of otherVariantsOf(first.struck)) {
      const { failure } = await failureAt(bench, index, variant, outcome);
      if (failure !== undefined) return [failure];
    }
  }
  await dismantle(bench);
  return [];
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
