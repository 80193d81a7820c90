import { afterAll, describe, expect, it } from '@jest/globals';
import { describeError, type Variant } from './every-call.ts';
import type { Call, Fault } from './inject.ts';
import { makePlace, type Place, toTrash } from './place.ts';
import { crash, newFaultyHost, type Running, start } from './running.ts';
import { need, readySnapshot, type Scenario, type State, sources } from './scenario.ts';
import { type Bench, check, dismantle, type Outcome, persist, prepare } from './trial.ts';
import {
  createGroup,
  createSnapshot,
  createVolume,
  createVolumeAnswer,
  deleteGroup,
  deleteVolume,
  type Kind,
} from './verbs.ts';

const isFull = process.env.STOWAGE_FAULTS === 'full';
const TIMEOUT_MS = isFull ? 1_800_000 : 300_000;

/** A start makes some hundred calls: of them one in 41, which meets every way of failing, is struck outside of full runs. */
const STRIDE = 41;

/** Of the backends that can copy: each operation is one of those left half done. */
const KINDS = { image: ['xfs', 'block'], directory: ['folder'], btrfs: ['folder'], share: ['folder'] } as const;

/** Each operation that a dead process had left half done, called again. */
function scenarioOf(kind: Kind): Scenario {
  return {
    name: 'start',
    kind,
    prepare: sources,
    setUp: async (_ground, base) => base,
    operate: async (csi, state) => {
      const volume = await createVolumeAnswer(csi, { name: 'volume', kind });
      const copy = await createVolumeAnswer(csi, { name: 'copy', kind, fromVolume: need(state, 'source') });
      const snapshot = await readySnapshot(csi, 'snapshot', need(state, 'source'));
      const group = await createGroup(csi, 'group', [need(state, 'source'), need(state, 'second')]);
      await deleteVolume(csi, need(state, 'victim'));
      await deleteGroup(csi, need(state, 'oldGroup'), need(state, 'oldSnapshots').split(','));
      return { volume, copy, snapshot, group };
    },
  };
}

/** The call with this number among those of the method. */
function nth(method: string, number: number): Fault['at'] {
  let seen = 0;
  return (call) => call.method === method && ++seen === number;
}

/** Leaves one of each operation half done, as a process that died in each of them would have. */
async function leaveHalfDone({ place, running, base, scenario: { kind } }: Bench): Promise<State> {
  const { csi, faulty } = running;
  const both = [need(base, 'source'), need(base, 'second')];
  const victim = await createVolume(csi, { name: 'victim', kind });
  const old = await createGroup(csi, 'old-group', both);
  const dieAt = async (at: Fault['at'], operation: () => Promise<unknown>) => {
    faulty.arm({ at, how: 'die-before' });
    await operation().then(
      () => Promise.reject(new Error('an operation was answered that should have died')),
      () => undefined,
    );
    await faulty.settled();
    faulty.arm();
  };
  // The second record of a creation says that it is ready; the fifth of a group, that its second member is.
  await dieAt(nth('files.writeDurably', 2), () => createVolume(csi, { name: 'volume', kind }));
  await dieAt(nth('files.writeDurably', 2), () => createVolume(csi, { name: 'copy', kind, fromVolume: both[0] ?? '' }));
  await dieAt(nth('files.writeDurably', 2), () => createSnapshot(csi, 'snapshot', both[0] ?? ''));
  await dieAt(nth('files.writeDurably', 5), () => createGroup(csi, 'group', both));
  await dieAt(nth(toTrash(place), 1), () => deleteVolume(csi, victim));
  await dieAt(nth(toTrash(place), 2), () => deleteGroup(csi, old.groupSnapshotId, old.snapshotIds));
  await crash(running);
  return { ...base, victim, oldGroup: old.groupSnapshotId, oldSnapshots: old.snapshotIds.join() };
}

/** Starts with a fault on what is half done, then without, and calls all operations again. */
async function tryStart(
  bench: Bench,
  fault: Fault | undefined,
  again: boolean,
): Promise<{ readonly struck: Call | undefined; readonly outcome: Outcome }> {
  const state = await leaveHalfDone(bench);
  const faulty = newFaultyHost(bench.place);
  faulty.arm(fault);
  const running = await start(bench.place, faulty).catch(() => undefined); // it may not get as far as serving
  if (running !== undefined) await finishFirst(bench, running, state, again);
  await faulty.settled();
  bench.running = await start(bench.place);
  return { struck: faulty.struck(), outcome: await check(bench, state, []) };
}

async function finishFirst(bench: Bench, running: Running, state: State, again: boolean): Promise<void> {
  await Promise.race([running.driver.idle(), running.faulty.strike]);
  running.faulty.disarm();
  try {
    const answer = again ? await persist(bench, running, state) : undefined;
    if (answer?.ok === false)
      throw new Error('calling again on the driver that started under fault', { cause: answer.error });
  } finally {
    await crash(running);
  }
}

describe.each(['image', 'directory', 'btrfs', 'share'] as const)(
  '%s: any call of a start may fail, or be the last',
  (backend) => {
    let place: Place | undefined;
    afterAll(() => place?.cleanup());

    it.each(KINDS[backend])(
      'with volumes of kind %s half done',
      async (kind) => {
        place ??= await makePlace(backend);
        const failures = await failuresOf(place, kind);
        if (failures.length > 0) {
          const spoilt = place;
          place = undefined;
          await spoilt.cleanup();
        }
        expect(failures).toEqual([]);
      },
      TIMEOUT_MS,
    );
  },
);

/** Ends with the first failure: what it left would spoil the others. */
async function failuresOf(place: Place, kind: Kind): Promise<string[]> {
  const bench = await prepare(place, scenarioOf(kind));
  const expected = (await tryStart(bench, undefined, false)).outcome;
  for (let index = 0; ; index += isFull ? 1 : STRIDE) {
    // What fails in the tries of one call is found in those of its neighbours, too: one way for each, in turn.
    const first = await failureAt(bench, index, variants[index % variants.length] ?? variants[0], expected);
    if (first.failure !== undefined) return [first.failure];
    if (first.struck === undefined) break;
    if (!isFull) continue;
    for (const variant of variants) {
      const { failure } = await failureAt(bench, index, variant, expected);
      if (failure !== undefined) return [failure];
    }
  }
  await dismantle(bench);
  return [];
}

const variants = [
  { how: 'fail-before', again: true },
  { how: 'die-before', again: false },
  { how: 'fail-after', again: true },
  { how: 'die-after', again: false },
] as const satisfies readonly Variant[];

async function failureAt(
  bench: Bench,
  index: number,
  { how, again }: Variant,
  expected: Outcome,
): Promise<{ readonly struck?: Call | undefined; readonly failure?: string }> {
  let method = '';
  const at = (call: Call) => {
    if (call.index === index) method = call.method;
    return call.index === index;
  };
  try {
    const { struck, outcome } = await tryStart(bench, { at, how }, again);
    expect(outcome).toEqual(expected);
    return { struck };
  } catch (error) {
    return { failure: `${how} call ${index}, ${method}${again ? ', called again' : ''}: ${describeError(error)}` };
  }
}
