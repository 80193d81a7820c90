import type { Item } from '../backends/backend.ts';
import { errnoOf, isStowageError, messageOf, StowageError } from '../errors.ts';
import { isFull, refusedByServer } from '../pools/away.ts';
import type { Context, ManagedPool } from './context.ts';
import { lockKey, withLocks } from './locks.ts';
import { itemOf, type SnapshotRecord, type StoredRecord } from './record.ts';

/** How long taking back what failed may last, after the call that failed has ended. */
const UNDO_TIMEOUT_MS = 30_000;
/** How long emptying a full share may take within a call; the next call goes on. */
const PURGE_TIMEOUT_MS = 60_000;

/**
 * Makes the bytes of a record in state `creating`, then makes `ready` durable. What fails is undone, with its record.
 * @param make calls the backend
 */
export async function makeBytes<R extends StoredRecord>(
  context: Context,
  pool: ManagedPool,
  record: R,
  make: () => Promise<void>,
): Promise<StoredRecord> {
  try {
    await make();
    const ready = await context.store.update<StoredRecord>(record, { state: 'ready' });
    if (isCopy(record)) context.log.info(about(record), 'the copy is complete');
    return ready;
  } catch (error) {
    context.log.info({ ...about(record), error: messageOf(error) }, 'making it failed');
    // A copy that a shutdown ends is begun again by the next start: its id may have been answered (ready_to_use false).
    if (!context.jobs.stopping() && !isPaused(pool, record, error)) await undo(context, pool, record);
    throw asExhausted(pool, error);
  }
}

/** For the log: whoever called may have gone, or know only the name. */
function about(record: StoredRecord) {
  const source = record.kind === 'snapshot' ? record.sourceId : record.source?.id;
  return { item: record.id, name: record.name, pool: record.pool, ...(source === undefined ? {} : { source }) };
}

function isCopy(record: StoredRecord): boolean {
  return record.kind === 'snapshot' || record.source !== undefined;
}

/** A copy that goes on with the next call, where it has come to. */
function isPaused(pool: ManagedPool, record: StoredRecord, error: unknown): boolean {
  return isCopy(record) && pool.backend.features.resumesCopies === true && isStowageError(error, 'unavailable');
}

/** Adds a record for which room is held; the catalog counts it from the first moment, and the hold ends. See Store.add. */
export async function addHeld<R extends StoredRecord>(
  context: Context,
  record: R,
  release: () => void,
  durability: 'now' | 'later' = 'now',
): Promise<R> {
  try {
    const adding = context.store.add(record, durability);
    release();
    return await adding;
  } finally {
    release();
  }
}

/** Runs a job that copies; where it copies whole images, their sources are not mounted or grown meanwhile. */
export async function copying<T>(
  context: Context,
  pool: ManagedPool,
  what: string,
  sourceIds: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  // Folders are copied file by file, beside their writers.
  const keys = pool.backend.features.ownSuperblock ? sourceIds.map(lockKey.copy) : [];
  return withLocks(context.locks, `making ${what}`, keys, work);
}

/**
 * Removes what there is of a record in state `creating`, and the record. `deleting` is durable first, since a `ready` that failed may
 * have come as far as the disk. What cannot be removed now is left to the trash, so that a retry begins anew.
 */
export async function undo(context: Context, pool: ManagedPool, record: StoredRecord): Promise<void> {
  try {
    await removeNow(context, pool, await markDeleting(context, pool, record));
  } catch (error) {
    context.log.warn(
      { item: record.id, error: messageOf(error) },
      'undoing a creation failed; the next call or start tries again',
    );
  }
}

/**
 * Makes `deleting` durable. A share may be filled by others, or by this volume, to the last byte: then its data goes before the record can say so. Who dies in between leaves a
 * volume without data, which the repeated call removes.
 */
export async function markDeleting(context: Context, pool: ManagedPool, record: StoredRecord): Promise<StoredRecord> {
  const mark = () => context.store.update<StoredRecord>(record, { state: 'deleting' });
  try {
    return await mark();
  } catch (error) {
    if (!isFull(error) || pool.config.backend !== 'share') throw error;
    context.log.warn({ item: record.id, error: messageOf(error) }, 'the share is full: data goes before its record');
    await pool.backend.discard(itemOf(record));
    await pool.backend.purge(itemOf(record), AbortSignal.timeout(PURGE_TIMEOUT_MS));
    return mark();
  }
}

async function removeNow(context: Context, pool: ManagedPool, deleting: StoredRecord): Promise<void> {
  const item = itemOf(deleting);
  try {
    await pool.backend.discard(item);
    await pool.backend.purge(item, AbortSignal.timeout(UNDO_TIMEOUT_MS));
    await context.store.remove(deleting);
  } catch (error) {
    context.log.warn(
      { item: deleting.id, error: messageOf(error) },
      'removing what a failed creation left failed; the trash goes on with it',
    );
    pool.trash.add(deleting);
  }
}

/** The source of a copy as its backend sees it; undefined where the record has none. Throws 'not-found' if it is gone. */
export function sourceItem(context: Context, record: StoredRecord): Item | undefined {
  const source = record.kind === 'snapshot' ? { kind: 'volume' as const, id: record.sourceId } : record.source;
  if (source === undefined) return undefined;
  const found = source.kind === 'volume' ? context.catalog.volume(source.id) : context.catalog.snapshot(source.id);
  if (found?.state !== 'ready')
    throw new StowageError(
      'not-found',
      `the source ${source.kind} ${source.id} of ${record.id} does not exist any more`,
    );
  return itemOf(found);
}

/** A snapshot with its source, as the backend takes it. */
export function snapshotPair(context: Context, record: SnapshotRecord): { source: Item; snapshot: Item } {
  const source = sourceItem(context, record);
  if (source === undefined) throw new StowageError('internal', `snapshot ${record.id} has no source`);
  return { source, snapshot: itemOf(record) };
}

const AWAY = new Set(['EROFS', 'EIO', 'ENODEV']);

/**
 * A pool that is away, full, read-only or failing cannot take a new volume: the one code at which the scheduler chooses another node. A share that is away
 * is so for every node, and the call shall be made again.
 */
export function asExhausted(pool: ManagedPool, error: unknown): unknown {
  const refused = refusedByServer(pool.config, error);
  if (refused !== undefined) return refused;
  const isAway = isStowageError(error, 'unavailable') || AWAY.has(errnoOf(error) ?? '');
  const isElsewhere = isAway && !pool.isNetworked;
  return isFull(error) || isElsewhere ? new StowageError('exhausted', messageOf(error), { cause: error }) : error;
}
