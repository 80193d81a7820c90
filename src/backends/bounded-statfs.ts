import type { FileSystemStat, Files } from '../host/files.ts';
import { endIfAborted, raceSignal } from './signals.ts';

/**
 * How many statfs calls may be unanswered at once. A call on a dying disk can block its thread for good, and libuv has
 * four for the whole process.
 */
const UNANSWERED_MAX = 2;

export type BoundedStatfs = (path: string, signal: AbortSignal) => Promise<FileSystemStat>;

/**
 * statfs(2) that rejects with 'timeout' or 'cancelled' at the signal, with at most one call for each path (a second caller
 * joins the first) and two in all; others wait their turn.
 */
export function createBoundedStatfs(files: Pick<Files, 'statfs'>): BoundedStatfs {
  const running = new Map<string, Promise<FileSystemStat>>();

  function start(path: string): Promise<FileSystemStat> {
    const call = files.statfs(path).finally(() => running.delete(path));
    running.set(path, call);
    return call;
  }

  return async (path, signal) => {
    const what = `asking the file system at ${path} for its use`;
    while (running.size >= UNANSWERED_MAX && !running.has(path)) {
      // Settled is enough here: the one who asked hears of a failure.
      await raceSignal(Promise.race([...running.values()].map(settled)), signal, what);
    }
    endIfAborted(signal, what);
    return raceSignal(running.get(path) ?? start(path), signal, what);
  };
}

async function settled(call: Promise<unknown>): Promise<void> {
  await Promise.allSettled([call]);
}
