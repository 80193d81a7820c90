import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../src/errors.ts';

const PAUSE_MS = 300;
/** For what takes seconds, and minutes where a node is emulated on a machine that has much else to do. */
export const SLOW_MS = 5 * 60_000;

/** What `look` answers as soon as that is not undefined. @throws with the last thing that `look` threw, at the deadline */
export async function until<T>(what: string, timeoutMs: number, look: () => Promise<T | undefined>): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  let last = '';
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      last = `; last: ${messageOf(error)}`;
    }
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs / 1000} s in vain until ${what}${last}`);
    await sleep(PAUSE_MS);
  }
}

/** Waits until `holds` says true. */
export async function untilTrue(what: string, timeoutMs: number, holds: () => Promise<boolean>): Promise<void> {
  await until(what, timeoutMs, async () => ((await holds()) ? true : undefined));
}

/** @throws where it does not hold */
export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}
