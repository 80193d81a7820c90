/** Lets at most so many pieces of work with one key run at once; others wait their turn, in order. */
export interface Slots {
  /** Runs `work` when it is its turn. What `giveUp` returns is thrown where the signal comes first: `work` is then never begun. */
  within<T>(key: string, signal: AbortSignal, giveUp: () => Error, work: () => Promise<T>): Promise<T>;
}

interface Line {
  running: number;
  readonly waiting: Set<() => void>;
}

export function createSlots(limit: number): Slots {
  const lines = new Map<string, Line>();

  function leave(key: string, line: Line): void {
    line.running--;
    const [next] = line.waiting;
    if (next !== undefined) next();
    else if (line.running === 0) lines.delete(key);
  }

  function turn(line: Line, signal: AbortSignal, giveUp: () => Error): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener('abort', end);
        line.waiting.delete(begin);
        line.running++;
        resolve();
      };
      const end = () => {
        line.waiting.delete(begin);
        reject(giveUp());
      };
      line.waiting.add(begin);
      signal.addEventListener('abort', end, { once: true });
    });
  }

  return {
    async within(key, signal, giveUp, work) {
      if (signal.aborted) throw giveUp();
      const line = lines.get(key) ?? { running: 0, waiting: new Set() };
      lines.set(key, line);
      if (line.running < limit) line.running++;
      else await turn(line, signal, giveUp);
      try {
        return await work();
      } finally {
        leave(key, line);
      }
    },
  };
}
