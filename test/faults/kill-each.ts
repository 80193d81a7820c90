import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bundle } from './children.ts';
import { describeError } from './every-call.ts';
import type { Call } from './inject.ts';
import { type Kill, killAt } from './kill.ts';
import { ALL_BACKEND_NAMES, type BackendName, makePlace, type Place } from './place.ts';
import { SEED, seeded, seedOf } from './random.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { dismantle, prepare, rehearse } from './trial.ts';

/** How many processes were killed, and how many made no such call. */
interface Counts {
  killed: number;
  unharmed: number;
}

/** How many kills. `all`: for every scenario, at every call that changes something, before and after it, and at some of the others. */
export type Extent = 'all' | 'one of each scenario' | 'one of every fourth scenario';

/** Of the calls that only look, the full run takes one in five. */
const READS_TAKEN = 5;

/** Another call is taken where one is not met: what the trash does in one go, and so how many calls it makes, depends on time. */
const PICKS = 3;

/** All; or a few by the seed, of which the first that meets its call is enough. */
function killsOf(scenario: Scenario, calls: readonly Call[], extent: Extent): readonly Kill[] {
  const random = seeded(seedOf(scenario.name));
  const kills = calls.flatMap(({ effect, ordinal }): Kill[] => {
    if (effect === 'reads') return random.below(READS_TAKEN) === 0 ? [{ effect, ordinal, how: 'kill-before' }] : [];
    return [
      { effect, ordinal, how: 'kill-before' },
      { effect, ordinal, how: 'kill-after' },
    ];
  });
  if (extent === 'all') return kills;
  const changes = kills.filter(({ effect }) => effect === 'changes');
  return Array.from({ length: PICKS }, () => random.pick(changes)).filter((kill) => kill !== undefined);
}

/** Where it is one in four: of each backend others. */
function scenariosOf(backend: BackendName, extent: Extent): readonly Scenario[] {
  const first = ALL_BACKEND_NAMES.indexOf(backend) % 4;
  return SCENARIOS[backend].filter(
    (_scenario, index) => extent !== 'one of every fourth scenario' || index % 4 === first,
  );
}

/** One test for each scenario of the backend: a process of its own is killed at a call to the host, and the next one finds all in order. */
export function describeKills(backend: BackendName, extent: Extent): void {
  describe(`${backend}: a process killed at a call to the host`, () => {
    let program = '';
    let place: Place | undefined;
    const counts: Counts = { killed: 0, unharmed: 0 };
    beforeAll(async () => {
      program = await bundle('test/faults/process.ts', `process-${backend}.cjs`);
    });
    afterAll(() => place?.cleanup());

    it.each(scenariosOf(backend, extent).map((scenario) => [scenario.name, scenario] as const))(
      '%s',
      async (_name, scenario) => {
        place ??= await makePlace(backend);
        const failures = await failuresOf({ place, program, scenario, extent, counts });
        if (failures.length > 0) {
          const spoilt = place;
          place = undefined;
          await spoilt.cleanup();
        }
        expect(failures).toEqual([]);
      },
      timeoutMs(extent),
    );

    it('nearly always met the call', () => {
      expect(counts.unharmed).toBeLessThanOrEqual(Math.max(1, (counts.killed + counts.unharmed) / 10));
    });
  });
}

function timeoutMs(extent: Extent): number {
  if (extent === 'all') return 1_800_000;
  return process.env.STOWAGE_LAB ? 300_000 : 120_000;
}

interface Trial {
  readonly place: Place;
  readonly program: string;
  readonly scenario: Scenario;
  readonly extent: Extent;
  readonly counts: Counts;
}

/** Ends with the first failure: what it left would spoil the others. */
async function failuresOf({ place, program, scenario, extent, counts }: Trial): Promise<string[]> {
  const bench = await prepare(place, scenario);
  const { calls, outcome } = await rehearse(bench);
  const kills = killsOf(scenario, calls, extent);
  for (const [index, kill] of kills.entries()) {
    try {
      const tried = await killAt(bench, program, kill);
      expect(tried.outcome).toEqual(outcome);
      if (tried.killed) counts.killed++;
      else if (extent === 'all' || index === kills.length - 1) counts.unharmed++;
      if (tried.killed && extent !== 'all') break;
    } catch (error) {
      const { effect, ordinal, how } = kill;
      const method = calls.find((call) => call.effect === effect && call.ordinal === ordinal)?.method;
      return [`seed ${SEED}: ${how} call ${ordinal} that ${effect}, ${method}: ${describeError(error)}`];
    }
  }
  await dismantle(bench);
  return [];
}
