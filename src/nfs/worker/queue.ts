/** Lets so many work at once; the others wait in line. */
export interface Queue {
  /**
   * Calls `work` when it is its turn.
   * @param signal ends the waiting, with its reason; it does not end the work
   * Rejects with what `full` gives where too many wait.
   */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** How many work, and wait. */
  length(): number;
}

/** @param full makes the error for those who come when as many wait as may */
export function createQueue(limits: { readonly running: number; readonly waiting: number }, full: () => Error): Queue {
  const line = new Set<() => void>(); // in order of coming
  let running = 0;

  function leave(): void {
    running -= 1;
    const [next] = line;
    if (next === undefined) return;
    line.delete(next);
    running += 1;
    next();
  }

  function wait(signal: AbortSignal | undefined): Promise<void> {
    if (line.size >= limits.waiting) return Promise.reject(full());
    return new Promise((resolve, reject) => {
      const go = () => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        line.delete(go);
        reject(signal?.reason);
      };
      line.add(go);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  return {
    async run(work, signal) {
      signal?.throwIfAborted();
      if (running < limits.running) running += 1;
      else await wait(signal);
      try {
        return await work();
      } finally {
        leave();
      }
    },
    length: () => running + line.size,
  };
}
