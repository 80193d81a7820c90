import { messageOf } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { StoredRecord } from './record.ts';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 300_000;
/** Where callers are let go first: emptying waits until nothing came for so long, */
const QUIET_MS = 50;
/** but no longer than this, */
const LONGEST_WAIT_MS = 1_000;
/** and not while so many wait: callers that never rest would else fill the line for ever. */
const MANY = 256;
/** The throttle's grain, and how many records go with one fsync. */
const BATCH = 32;

/** Empties a pool's trash in the background, a batch after another. The records of what waits are durable: a restart goes on. */
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
 * @param options.callersFirst waits while callers delete one after another, whom emptying would slow; what is in the trash takes room for so long
 * @param options.check makes sure that the pool is there, before each batch
 * @param options.purge removes an item's data
 * @param options.forget removes the records of items whose data is gone
 * @param options.freeBytes the free space of the pool, by which the throttle tells what an item gave back
 * @param options.bytesPerSecond a rest after each item keeps to this; 0 is no limit
 */
export function createTrash(options: {
  log: Logger;
  bytesPerSecond: number;
  callersFirst: boolean;
  check: () => Promise<unknown>;
  purge: (record: StoredRecord, signal: AbortSignal) => Promise<void>;
  forget: (records: readonly StoredRecord[]) => Promise<void>;
  freeBytes: () => Promise<number>;
}): Trash {
  const { log, bytesPerSecond, callersFirst, check, purge, forget, freeBytes } = options;
  const waiting: StoredRecord[] = [];
  const refused: StoredRecord[] = []; // for the next try, at retryAtMs
  let retryAtMs = 0;
  let added = 0;
  let addedAtLastLook = 0;
  let wakeUp = () => {};
  const abort = new AbortController();
  let working: Promise<void> | undefined;
  let retryMs = FIRST_RETRY_MS;

  /** Purges a batch, then removes the records of what is gone in one go. @returns what could not be purged */
  async function purgeBatch(batch: readonly StoredRecord[]): Promise<StoredRecord[]> {
    const gone: StoredRecord[] = [];
    const failed: StoredRecord[] = [];
    for (const record of batch) {
      try {
        abort.signal.throwIfAborted();
        await purge(record, abort.signal);
        gone.push(record);
        log.info({ item: record.id, name: record.name, pool: record.pool }, 'removed from the trash');
      } catch (error) {
        failed.push(record);
        if (!abort.signal.aborted) {
          log.warn({ item: record.id, error: messageOf(error) }, 'emptying the trash failed; trying again later');
        }
      }
    }
    try {
      await forget(gone);
      return failed;
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'removing records failed; trying again later');
      return [...batch];
    }
  }

  async function purgeThrottled(batch: readonly StoredRecord[]): Promise<StoredRecord[]> {
    await check();
    if (bytesPerSecond === 0) return purgeBatch(batch);
    const before = await freeBytes();
    const failed = await purgeBatch(batch);
    const freed = Math.max(0, (await freeBytes()) - before);
    await rest((freed / bytesPerSecond) * 1000);
    return failed;
  }

  async function untilQuiet(): Promise<void> {
    if (!callersFirst) return;
    const endMs = Date.now() + LONGEST_WAIT_MS;
    while (added > addedAtLastLook && waiting.length < MANY && Date.now() < endMs && !abort.signal.aborted) {
      addedAtLastLook = added;
      await rest(QUIET_MS);
    }
  }

  async function work(): Promise<void> {
    await untilQuiet();
    while (waiting.length + refused.length > 0 && !abort.signal.aborted) {
      const untilRetryMs = retryAtMs - Date.now();
      if (untilRetryMs <= 0) waiting.push(...refused.splice(0));
      if (waiting.length > 0) {
        await workOff(waiting.splice(0, BATCH));
        await untilQuiet();
      } else
        await rest(untilRetryMs, (wake) => {
          wakeUp = wake;
        });
    }
  }

  /** What fails waits longer each time; the others need not wait for it. */
  async function workOff(batch: readonly StoredRecord[]): Promise<void> {
    const failed = await purgeThrottled(batch).catch((error: unknown) => {
      log.warn({ error: messageOf(error) }, 'the pool of the trash cannot be asked; trying again later');
      return batch;
    });
    refused.push(...failed);
    if (failed.length > 0) {
      retryAtMs = Date.now() + retryMs;
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    } else if (refused.length === 0) retryMs = FIRST_RETRY_MS;
  }

  function begin(): void {
    working ??= work().finally(() => {
      working = undefined;
      // One may have come after the last look at the line.
      if (waiting.length + refused.length > 0 && !abort.signal.aborted) begin();
    });
  }

  /** Ends at the time, at stop, or when what `onBegin` was given is called. */
  function rest(ms: number, onBegin: (end: () => void) => void = () => {}): Promise<void> {
    if (ms < 1 || abort.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        abort.signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      abort.signal.addEventListener('abort', end, { once: true });
      onBegin(end);
    });
  }

  return {
    add(record) {
      waiting.push(record);
      added += 1;
      begin();
      wakeUp();
    },
    length: () => waiting.length + refused.length,
    empty: async () => {
      while (working !== undefined) await working;
    },
    async stop() {
      abort.abort();
      await working;
    },
  };
}
