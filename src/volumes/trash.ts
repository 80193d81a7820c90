import { messageOf } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { StoredRecord } from './record.ts';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 300_000;

/** Empties a pool's trash in the background, one item after another. The records of what waits are durable: a restart goes on. */
export interface Trash {
  /** Puts an item in line whose record is in state `deleting` and whose data has been moved away. */
  add(record: StoredRecord): void;
  /** How many items wait. */
  length(): number;
  /** Settles when nothing waits (tests, benchmarks). */
  empty(): Promise<void>;
  /** Ends the work under way and begins no more. */
  stop(): Promise<void>;
}

/**
 * @param options.purge removes an item's data and then its record
 * @param options.freeBytes the free space of the pool, by which the throttle tells what an item gave back
 * @param options.bytesPerSecond a rest after each item keeps to this; 0 is no limit
 */
export function createTrash(options: {
  log: Logger;
  bytesPerSecond: number;
  purge: (record: StoredRecord, signal: AbortSignal) => Promise<void>;
  freeBytes: () => Promise<number>;
}): Trash {
  const { log, bytesPerSecond, purge, freeBytes } = options;
  const waiting: StoredRecord[] = [];
  const abort = new AbortController();
  let working: Promise<void> | undefined;
  let retryMs = FIRST_RETRY_MS;

  async function purgeThrottled(record: StoredRecord): Promise<void> {
    if (bytesPerSecond === 0) return purge(record, abort.signal);
    const before = await freeBytes();
    await purge(record, abort.signal);
    const freed = Math.max(0, (await freeBytes()) - before);
    await rest((freed / bytesPerSecond) * 1000);
  }

  async function work(): Promise<void> {
    while (!abort.signal.aborted) {
      const record = waiting[0];
      if (record === undefined) return;
      try {
        await purgeThrottled(record);
        waiting.shift();
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        if (abort.signal.aborted) return;
        log.warn(
          { item: record.id, error: messageOf(error), retryMs },
          'emptying the trash failed; trying again later',
        );
        waiting.push(...waiting.splice(0, 1)); // the others need not wait for this one
        await rest(retryMs);
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
  }

  function begin(): void {
    working ??= work().finally(() => {
      working = undefined;
      // One may have come after the last look at the line.
      if (waiting.length > 0 && !abort.signal.aborted) begin();
    });
  }

  function rest(ms: number): Promise<void> {
    if (ms < 1 || abort.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        abort.signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      abort.signal.addEventListener('abort', end, { once: true });
    });
  }

  return {
    add(record) {
      waiting.push(record);
      begin();
    },
    length: () => waiting.length,
    empty: async () => {
      while (working !== undefined) await working;
    },
    async stop() {
      abort.abort();
      await working;
    },
  };
}
