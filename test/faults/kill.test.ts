import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bundle } from './children.ts';
import { describeError } from './every-call.ts';
import type { Call } from './inject.ts';
import { type Kill, killAt } from './kill.ts';
import { ALL_BACKEND_NAMES, BACKEND_NAMES, type BackendName, makePlace, type Place } from './place.ts';
import { SEED, seeded, seedOf } from './random.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { dismantle, prepare, rehearse } from './trial.ts';

const isFull = process.env.STOWAGE_FAULTS === 'full';
/** How many processes were killed, and how many made no such call. */
interface Counts {
  killed: number;
  unharmed: number;
}

const TIMEOUT_MS = isFull ? 1_800_000 : 120_000;

/** Of the calls that only look, the full run takes one in five. */
const READS_TAKEN = 5;

/** In the full run at every call that changes something, before and after it, and at some of the others; else at one, by the seed. */
function killsOf(scenario: Scenario, calls: readonly Call[]): readonly Kill[] {
  const random = seeded(seedOf(scenario.name));
  const kills = calls.flatMap(({ effect, ordinal }): Kill[] => {
    if (effect === 'reads') return random.below(READS_TAKEN) === 0 ? [{ effect, ordinal, how: 'kill-before' }] : [];
    return [
      { effect, ordinal, how: 'kill-before' },
      { effect, ordinal, how: 'kill-after' },
    ];
  });
  if (isFull) return kills;
  const one = random.pick(kills.filter(({ effect }) => effect === 'changes'));
  return one === undefined ? [] : [one];
}

/** Outside of full runs one in four: of each backend others. */
function scenariosOf(backend: BackendName): readonly Scenario[] {
  const first = ALL_BACKEND_NAMES.indexOf(backend) % 4;
  return SCENARIOS[backend].filter((_scenario, index) => isFull || index % 4 === first);
}

describe.each(BACKEND_NAMES)('%s: a process killed at a call to the host', (backend: BackendName) => {
  let program = '';
  let place: Place | undefined;
  const counts: Counts = { killed: 0, unharmed: 0 };
  beforeAll(async () => {
    program = await bundle('test/faults/process.ts', `process-${backend}.cjs`);
  });
  afterAll(() => place?.cleanup());

  it.each(scenariosOf(backend).map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_name, scenario) => {
      place ??= await makePlace(backend);
      const failures = await failuresOf(place, program, scenario, counts);
      if (failures.length > 0) {
        const spoilt = place;
        place = undefined;
        await spoilt.cleanup();
      }
      expect(failures).toEqual([]);
    },
    TIMEOUT_MS,
  );

  // What the trash does in one go, and so how many calls it makes, depends on time.
  it('nearly always met the call', () => {
    expect(counts.unharmed).toBeLessThanOrEqual(Math.max(1, (counts.killed + counts.unharmed) / 10));
  });
});

/** Ends with the first failure: what it left would spoil the others. */
async function failuresOf(place: Place, program: string, scenario: Scenario, counts: Counts): Promise<string[]> {
  const bench = await prepare(place, scenario);
  const { calls, outcome } = await rehearse(bench);
  for (const kill of killsOf(scenario, calls)) {
    try {
      const tried = await killAt(bench, program, kill);
      counts[tried.killed ? 'killed' : 'unharmed']++;
      expect(tried.outcome).toEqual(outcome);
    } catch (error) {
      const { effect, ordinal, how } = kill;
      const method = calls.find((call) => call.effect === effect && call.ordinal === ordinal)?.method;
      return [`seed ${SEED}: ${how} call ${ordinal} that ${effect}, ${method}: ${describeError(error)}`];
    }
  }
  await dismantle(bench);
  return [];
}
