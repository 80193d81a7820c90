import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { MARK, untilGone } from './children.ts';
import type { Order } from './order.ts';
import { crash, start } from './running.ts';
import { type Answer, type Bench, check, type Outcome, setUp } from './trial.ts';

/** At which call the process is killed. */
export type Kill = Pick<Order, 'effect' | 'ordinal' | 'how'>;

/**
 * Does the operation in a process of its own that is killed at a call, then starts a driver here, and calls it again.
 * @returns false as `killed` where the operation makes no such call
 */
export async function killAt(
  bench: Bench,
  program: string,
  { effect, ordinal, how }: Kill,
): Promise<{ readonly killed: boolean; readonly outcome: Outcome }> {
  const { place, scenario } = bench;
  const state = await setUp(bench);
  await crash(bench.running); // gives the state folder free
  const { backend, pool, work } = place;
  const order: Order = {
    paths: { backend, pool, work },
    scenario: scenario.name,
    state: { ...state },
    effect,
    ordinal,
    how,
  };
  const { killed, answer } = await runUntilKilled(program, order);
  bench.running = await start(place);
  return { killed, outcome: await check(bench, state, [answer]) };
}

async function runUntilKilled(program: string, order: Order): Promise<{ killed: boolean; answer: Answer }> {
  const mark = randomUUID();
  const child = spawn(process.execPath, [program, JSON.stringify(order)], {
    env: { ...process.env, [MARK]: mark },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, problem] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  await untilGone(mark);
  const killed = child.signalCode === 'SIGKILL';
  if (!killed && child.exitCode !== 0) throw new Error(`the process was not killed, and failed: ${problem}`);
  return { killed, answer: output === '' ? { ok: false, error: 'killed' } : { ok: true, value: valueIn(output) } };
}

function valueIn(output: string): unknown {
  const answer: unknown = JSON.parse(output);
  return typeof answer === 'object' && answer !== null && 'value' in answer ? answer.value : undefined;
}
