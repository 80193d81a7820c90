import { StowageError } from '../errors.ts';

/** Keyed try-locks: what is taken is refused at once, never waited for, as CSI asks (ABORTED: operation pending). */
export interface Locks {
  /**
   * Takes all keys or none. Throws 'busy' naming the operation that holds one.
   * @returns releases them; calling it again does nothing
   */
  take(operation: string, keys: readonly string[]): () => void;
}

/** Keys of names and ids that share one lock space. */
export const lockKey = {
  name: (kind: string, name: string) => `${kind}-name:${name}`,
  id: (id: string) => `id:${id}`,
  /** Held by a job while it copies an image whole; mounting or growing its source meanwhile would tear the copy. */
  copy: (sourceId: string) => `copy of ${sourceId}`,
};

/** Locks of calls that change what a running copy of the volume reads. */
export function keysOfUse(volumeId: string): string[] {
  return [lockKey.id(volumeId), lockKey.copy(volumeId)];
}

export function createLocks(): Locks {
  const held = new Map<string, string>();
  return {
    take(operation, keys) {
      const wanted = new Set(keys);
      for (const key of wanted) {
        const holder = held.get(key);
        if (holder === undefined) continue;
        throw new StowageError('busy', `${operation}: ${holder} is under way for ${key}; call again when it is done`);
      }
      for (const key of wanted) held.set(key, operation);
      return () => {
        for (const key of wanted) held.delete(key);
        wanted.clear();
      };
    },
  };
}

/** Runs `work` under the locks, and releases them whatever happens. */
export async function withLocks<T>(
  locks: Locks,
  operation: string,
  keys: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  const release = locks.take(operation, keys);
  try {
    return await work();
  } finally {
    release();
  }
}
