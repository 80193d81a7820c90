import { stripVTControlCharacters } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Call, How } from './inject.ts';
import { type BackendName, makePlace, type Place } from './place.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { dismantle, prepare, rehearse, tryWith } from './trial.ts';

const isFull = process.env.STOWAGE_FAULTS === 'full';
const TIMEOUT_MS = isFull ? 1_800_000 : 300_000;

/** One way of failing, and whether the call is made once more before the restart. */
interface Variant {
  readonly how: How;
  readonly again: boolean;
}

/** A call that only looks fails in one way; dying at it is dying after the last change before. */
function variantsOf({ effect, index }: Call): Variant[] {
  const failBefore = { how: 'fail-before', again: true } as const;
  if (effect === 'reads') return [failBefore];
  const all: Variant[] = [
    failBefore,
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

/** Ends with the first failure: what it left would spoil the others. */
async function failuresOf(place: Place, scenario: Scenario): Promise<string[]> {
  const bench = await prepare(place, scenario);
  const { calls, outcome } = await rehearse(bench);
  for (const call of calls) {
    for (const { how, again } of variantsOf(call)) {
      try {
        const fault = { at: ({ index }: Call) => index === call.index, how };
        expect(await tryWith(bench, fault, again)).toEqual(outcome);
      } catch (error) {
        const which = `${how} call ${call.index} of ${calls.length}, ${call.method}${again ? ', called again' : ''}`;
        return [`${which}: ${describeError(error)}`];
      }
    }
  }
  await dismantle(bench);
  return [];
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
