import { afterAll, describe, expect, it } from '@jest/globals';
import { describeError, type Variant } from './every-call.ts';
import type { Call, Fault } from './inject.ts';
import { type BackendName, isServed, makePlace, type Place } from './place.ts';
import { crash, newFaultyHost, type Running, start } from './running.ts';
import type { Scenario, State } from './scenario.ts';
import { type Bench, check, dismantle, type Outcome, persist, prepare } from './trial.ts';
import type { Kind } from './verbs.ts';

const isFull = process.env.STOWAGE_FAULTS === 'full';
/** Where pools are served a try takes some 20 s. */
const timeoutMs = (backend: BackendName) => (isFull ? 1_800_000 : 300_000) * (isServed(backend) ? 3 : 1);

/** A start makes some hundred calls: of them one in 41, which meets every way of failing, is struck outside of full runs. */
const STRIDE = 41;

/** What a start finds. */
export interface HalfDone {
  /** Its operation is all that a dead process had left half done, called again. */
  readonly scenarioOf: (kind: Kind) => Scenario;
  /** Leaves that, with the driver dead. @returns what the operation needs */
  readonly leave: (bench: Bench) => Promise<State>;
  /** Methods of which each call is struck, also outside of full runs. */
  readonly always?: readonly string[];
}

/** One test for each kind of volume: any call of a start fails once, in every way. */
export function describeEveryStart(backend: BackendName, kinds: readonly Kind[], halfDone: HalfDone): void {
  describe(`${backend}: any call of a start may fail, or be the last`, () => {
    let place: Place | undefined;
    afterAll(() => place?.cleanup());

    it.each(kinds)(
      'with volumes of kind %s half done',
      async (kind) => {
        place ??= await makePlace(backend);
        const failures = await failuresOf(place, kind, halfDone);
        if (failures.length > 0) {
          const spoilt = place;
          place = undefined;
          await spoilt.cleanup();
        }
        expect(failures).toEqual([]);
      },
      timeoutMs(backend),
    );
  });
}

/** The call with this number among those of the method. */
export function nth(method: string, number: number): Fault['at'] {
  let seen = 0;
  return (call) => call.method === method && ++seen === number;
}

/** Leaves an operation half done, as a process that died before this call would have. */
export async function dieAt({ faulty }: Running, at: Fault['at'], operation: () => Promise<unknown>): Promise<void> {
  faulty.arm({ at, how: 'die-before' });
  await operation().then(
    () => Promise.reject(new Error('an operation was answered that should have died')),
    () => undefined,
  );
  await faulty.settled();
  faulty.arm();
}

/** Calls to strike, one after another, until there is none with such a number. */
interface Series {
  readonly at: (number: number) => Fault['at'];
  readonly step: number;
}

const ALL: Series = { at: (number) => (call) => call.index === number, step: isFull ? 1 : STRIDE };
const allOf = (method: string): Series => ({ at: (number) => nth(method, number + 1), step: 1 });

/** Ends with the first failure: what it left would spoil the others. */
async function failuresOf(place: Place, kind: Kind, halfDone: HalfDone): Promise<string[]> {
  const bench = await prepare(place, halfDone.scenarioOf(kind));
  const expected = await tryStart(bench, halfDone, undefined, false);
  const series = isFull ? [ALL] : [ALL, ...(halfDone.always ?? []).map(allOf)];
  for (const { at, step } of series) {
    for (let number = 0; ; number += step) {
      const attempt = (variant: Variant) => failureAt(bench, halfDone, at(number), variant, expected);
      const { isStruck, failure } = await tryInTurn(number, isFull && !isServed(place.backend), attempt);
      if (failure !== undefined) return [failure];
      if (!isStruck) break;
    }
  }
  await dismantle(bench);
  return [];
}

const VARIANTS = [
  { how: 'fail-before', again: true },
  { how: 'die-before', again: false },
  { how: 'fail-after', again: true },
  { how: 'die-after', again: false },
] as const satisfies readonly Variant[];

interface Tried {
  readonly isStruck: boolean;
  readonly failure?: string;
}

/** What fails in the tries of one call is found in those of its neighbours, too: one way for each, in turn, unless all are asked for. */
async function tryInTurn(
  number: number,
  inAllWays: boolean,
  attempt: (variant: Variant) => Promise<Tried>,
): Promise<Tried> {
  const first = await attempt(VARIANTS[number % VARIANTS.length] ?? VARIANTS[0]);
  if (!inAllWays || !first.isStruck) return first;
  for (const variant of VARIANTS) {
    const tried = await attempt(variant);
    if (tried.failure !== undefined) return tried;
  }
  return first;
}

async function failureAt(
  bench: Bench,
  halfDone: HalfDone,
  at: Fault['at'],
  { how, again }: Variant,
  expected: Outcome,
): Promise<Tried> {
  let struck: Call | undefined;
  const noting = (call: Call) => {
    const isIt = at(call);
    if (isIt) struck = call;
    return isIt;
  };
  try {
    expect(await tryStart(bench, halfDone, { at: noting, how }, again)).toEqual(expected);
    return { isStruck: struck !== undefined };
  } catch (error) {
    const where = struck === undefined ? 'no call' : `call ${struck.index}, ${struck.method}`;
    return {
      isStruck: struck !== undefined,
      failure: `${how} ${where}${again ? ', called again' : ''}: ${describeError(error)}`,
    };
  }
}

/** Starts with a fault on what is half done, then without, and calls all operations again. */
async function tryStart(bench: Bench, { leave }: HalfDone, fault: Fault | undefined, again: boolean): Promise<Outcome> {
  const state = await leave(bench);
  const faulty = newFaultyHost(bench.place);
  faulty.arm(fault);
  const running = await start(bench.place, faulty).catch(() => undefined); // it may not get as far as serving
  if (running !== undefined) await finishFirst(bench, running, state, again);
  await faulty.settled();
  bench.running = await start(bench.place);
  return check(bench, state, []);
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
