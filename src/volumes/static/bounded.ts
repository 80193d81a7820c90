import { endIfAborted, raceSignal } from '../../backends/signals.ts';

/** How many calls on host paths may be unanswered at once: one on a dying disk or a dead server keeps its thread for good, and there are four for all. */
const UNANSWERED_MAX = 2;

/**
 * Runs work that may never end: rejects with 'timeout' or 'cancelled' at the signal, whatever becomes of the work. What it then gives late goes to `late`.
 * With two under way others wait their turn.
 */
export type Bounded = <T>(
  what: string,
  signal: AbortSignal,
  work: () => Promise<T>,
  late: (result: T) => void,
) => Promise<T>;

export function createBounded(): Bounded {
  const running = new Set<Promise<unknown>>();
  return async (what, signal, work, late) => {
    while (running.size >= UNANSWERED_MAX) await raceSignal(Promise.race(running), signal, what);
    endIfAborted(signal, what);
    const call = work();
    const ended: Promise<unknown> = call
      .then(
        () => undefined,
        () => undefined, // whoever asked hears of it
      )
      .finally(() => running.delete(ended));
    running.add(ended);
    try {
      return await raceSignal(call, signal, what);
    } catch (error) {
      call.then(late, () => undefined);
      throw error;
    }
  };
}
