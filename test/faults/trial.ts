import { isStowageError } from '../../src/errors.ts';
import { contentsOf } from './contents.ts';
import type { Call, Fault } from './inject.ts';
import type { Place } from './place.ts';
import { crash, type Running, start } from './running.ts';
import type { Scenario, State } from './scenario.ts';
import { lookAtExports } from './served.ts';
import { isBase, sweep } from './sweep.ts';
import { look, type World } from './world.ts';

/** What there is when an operation has been done: to be the same with a fault and without. */
export interface Outcome {
  readonly world: World;
  readonly contents: readonly string[];
  /** What was left when all was deleted again. */
  readonly left: World;
}

/** An operation's answer, or why there is none. */
export type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

const BUSY_ATTEMPTS_MAX = 200;
const BUSY_WAIT_MS = 10;

/** A scenario's driver and what was prepared. The driver is another one after each restart. */
export interface Bench {
  readonly place: Place;
  readonly scenario: Scenario;
  readonly base: State;
  running: Running;
}

export async function prepare(place: Place, scenario: Scenario): Promise<Bench> {
  const running = await start(place);
  const base = (await scenario.prepare?.({ place, csi: running.csi }, scenario.kind)) ?? {};
  return { place, scenario, base, running };
}

/** Removes also what was prepared. */
export async function dismantle({ place, running }: Bench): Promise<void> {
  await crash(await sweep(place, running, () => false));
}

/** What there is without a fault; and the calls that the operation makes, with what the trash does behind it. */
export async function rehearse(bench: Bench): Promise<{ readonly calls: readonly Call[]; readonly outcome: Outcome }> {
  const state = await setUp(bench);
  const { running } = bench;
  running.faulty.arm();
  const answer = await operate(bench, running, state);
  if (!answer.ok) throw answer.error;
  await running.driver.idle();
  const calls = [...running.faulty.calls()];
  return { calls, outcome: await afterwards(bench, state, [answer]) };
}

/**
 * Tries the operation with a fault, then starts anew and calls it again.
 * @param again calls the operation once more before the restart, as a client does to whom only an error was answered
 * @returns the call that was struck, undefined where the operation makes none such
 */
export async function tryWith(
  bench: Bench,
  fault: Fault,
  again: boolean,
): Promise<{ readonly struck: Call | undefined; readonly outcome: Outcome }> {
  const state = await setUp(bench);
  const { running } = bench;
  const { faulty, driver } = running;
  faulty.arm(fault);
  const answers = [await operate(bench, running, state)];
  await Promise.race([driver.idle(), faulty.strike]);
  faulty.disarm();
  if (again) {
    const second = await persist(bench, running, state);
    if (!second.ok) throw new Error('the retry in the same process failed', { cause: second.error });
    await lookAtExports(bench.place, driver.catalog); // the restart would mend what the retry did not
    answers.push(second);
  }
  const struck = faulty.struck();
  return { struck, outcome: await afterwards(bench, state, answers) };
}

/** What the operation needs, made by a healthy driver. */
export async function setUp(bench: Bench): Promise<State> {
  const { place, scenario, base } = bench;
  if (scenario.renew !== undefined) {
    await crash(bench.running);
    await scenario.renew(place);
    bench.running = await start(place);
  }
  const { csi, driver } = bench.running;
  const state = await scenario.setUp({ place, csi }, base, scenario.kind);
  await driver.idle();
  return state;
}

/** The restart, the retry, and all that is checked after it. */
export async function afterwards(bench: Bench, state: State, answers: readonly Answer[]): Promise<Outcome> {
  await crash(bench.running);
  bench.running = await start(bench.place);
  return check(bench, state, answers);
}

/** Calls the operation on the driver that runs now: it must answer what it answered before. Then looks, and deletes all. */
export async function check(bench: Bench, state: State, answers: readonly Answer[]): Promise<Outcome> {
  const { place, running } = bench;
  const retry = await persist(bench, running, state);
  if (!retry.ok) throw new Error('the retry after the restart failed', { cause: retry.error });
  const once = await persist(bench, running, state);
  const known = JSON.stringify(retry);
  for (const answer of [...answers, once]) {
    if (answer.ok && JSON.stringify(answer) !== known)
      throw new Error(`${known} was answered after the restart, and before, or later: ${JSON.stringify(answer)}`);
  }
  await running.driver.idle();
  const world = await look(place, running.driver.catalog);
  const contents = await contentsOf(place, running);
  bench.running = await sweep(place, running, isBase);
  return { world, contents, left: await look(place, bench.running.driver.catalog) };
}

async function operate({ scenario }: Bench, { csi }: Running, state: State): Promise<Answer> {
  try {
    return { ok: true, value: await scenario.operate(csi, state, scenario.kind) };
  } catch (error) {
    return { ok: false, error };
  }
}

/** As clients do: ABORTED means to call again. */
export async function persist(bench: Bench, running: Running, state: State): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const answer = await operate(bench, running, state);
    if (answer.ok || attempt === BUSY_ATTEMPTS_MAX || !isStowageError(answer.error, 'busy')) return answer;
    await new Promise((resolve) => setTimeout(resolve, BUSY_WAIT_MS));
  }
}
