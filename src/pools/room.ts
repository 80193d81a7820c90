import type { PoolCapacity } from '../backends/backend.ts';
import { StowageError } from '../errors.ts';

/** How long a look at the disk holds; promises made since then are counted exactly all the same. */
const SAMPLE_TTL_MS = 10_000;

/** What a pool may still promise. Promises are kept by size, not by what happens to be written yet (design: sizes are promises). */
export interface Room {
  /** What the disk says: sizes and use, at most 10 s old. */
  capacity(): Promise<PoolCapacity>;
  /** Bytes that may still be promised. */
  availableBytes(): Promise<number>;
  /** The largest volume that may still be made, at most what is available. */
  largestBytes(): Promise<number>;
  /**
   * Checks and holds in one step.
   * @returns gives the hold back; for what has become a record instead
   * @throws 'exhausted' with the numbers
   */
  hold(bytes: number, what: string): Promise<() => void>;
}

/**
 * @param sample looks at the disk
 * @param promisedBytes what the records of the pool have promised now
 */
export function createRoom(
  pool: { readonly name: string; readonly overcommit: number },
  sample: () => Promise<PoolCapacity>,
  promisedBytes: () => number,
): Room {
  let last: { readonly capacity: PoolCapacity; readonly atMs: number } | undefined;
  let sampling: Promise<PoolCapacity> | undefined;
  let heldBytes = 0;

  async function capacity(): Promise<PoolCapacity> {
    if (last !== undefined && Date.now() - last.atMs < SAMPLE_TTL_MS) return last.capacity;
    sampling ??= sample()
      .then((now) => {
        last = { capacity: now, atMs: Date.now() };
        return now;
      })
      .finally(() => {
        sampling = undefined;
      });
    return sampling;
  }

  function availableIn(now: PoolCapacity): number {
    if (pool.overcommit === Number.POSITIVE_INFINITY) return now.freeBytes; // shown, and no bound
    const unpromised = promisableBytes(now, pool.overcommit) - promisedBytes() - heldBytes;
    // Where nobody knows what our own volumes take, what is free now is a bound as well.
    const bound = now.usedByVolumesBytes === undefined ? now.freeBytes * pool.overcommit - heldBytes : unpromised;
    return Math.max(0, Math.floor(Math.min(unpromised, bound)));
  }

  return {
    capacity,
    availableBytes: async () => availableIn(await capacity()),
    async largestBytes() {
      const now = await capacity();
      return Math.min(availableIn(now), now.largestBytes ?? Number.MAX_SAFE_INTEGER);
    },
    async hold(bytes, what) {
      const now = await capacity();
      // No await from here to the hold: two calls cannot both take the last room.
      const available = availableIn(now);
      if (bytes > available && pool.overcommit !== Number.POSITIVE_INFINITY) {
        throw new StowageError(
          'exhausted',
          `pool ${pool.name} has no room for ${what} of ${bytes} bytes: ${available} bytes of ${now.totalBytes} are not promised yet (overcommit ${pool.overcommit}); delete volumes or snapshots, or add space`,
        );
      }
      heldBytes += bytes;
      let held = true;
      return () => {
        if (held) heldBytes -= bytes;
        held = false;
      };
    },
  };
}

/** All that may ever be promised: the pool's size less what others keep on its file system, times the overcommit ratio. */
function promisableBytes(now: PoolCapacity, overcommit: number): number {
  const usedBytes = Math.max(0, now.totalBytes - now.freeBytes);
  const foreignBytes = now.usedByVolumesBytes === undefined ? 0 : Math.max(0, usedBytes - now.usedByVolumesBytes);
  return (now.totalBytes - foreignBytes) * overcommit;
}
