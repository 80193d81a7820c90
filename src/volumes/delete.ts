import type { Context, ManagedPool } from './context.ts';
import { refuseIfInUse } from './in-use.ts';
import { lockKey, withLocks } from './locks.ts';
import { find } from './lookup.ts';
import { markDeleting, undo } from './make.ts';
import { finishMove } from './move/departure.ts';
import { itemOf, type SnapshotRecord, type StoredRecord, type VolumeRecord } from './record.ts';
import type { VolumeRequest } from './requests.ts';

/**
 * DeleteVolume: answers once the data is out of the way, by one rename; the trash is emptied later. An id that does not exist, or
 * that is not ours, is fine. What `onDelete` keeps stays, counted but not listed.
 */
export async function deleteVolume(context: Context, { volumeId }: VolumeRequest): Promise<void> {
  await withLocks(context.locks, `DeleteVolume ${volumeId}`, [lockKey.id(volumeId)], async () => {
    const found = await find(context, 'volume', volumeId);
    if (found === undefined) return;
    const { record, pool } = found;
    if (record.state === 'creating') {
      await abandon(context, pool, record);
      return;
    }
    await refuseIfInUse(context, pool, record);
    await removeVolume(context, pool, await finishMove(context, record));
  });
}

/** Ends the making of something that is still in state `creating`, and removes it. */
export async function abandon(context: Context, pool: ManagedPool, record: StoredRecord): Promise<void> {
  await context.jobs.cancel(record.id); // the job undoes what it did
  const left = record.kind === 'volume' ? context.catalog.volume(record.id) : context.catalog.snapshot(record.id);
  if (left?.state === 'creating') await undo(context, pool, left);
  else if (left?.state === 'ready')
    await (left.kind === 'volume' ? removeVolume(context, pool, left) : discard(context, pool, left));
}

async function removeVolume(context: Context, pool: ManagedPool, record: VolumeRecord): Promise<void> {
  const removedAt = new Date();
  switch (record.onDelete) {
    case 'delete':
      await discard(context, pool, record);
      return;
    case 'retain':
      await context.store.update(record, { state: 'retained', removedAt: removedAt.toISOString() });
      return;
    case 'archive':
      await context.store.update(record, { state: 'archived', removedAt: removedAt.toISOString() });
      await pool.backend.archive(itemOf(record), removedAt);
      return;
  }
}

/** Makes `deleting` durable, moves the data to the trash, and leaves the rest to it. */
export async function discard(
  context: Context,
  pool: ManagedPool,
  record: VolumeRecord | SnapshotRecord,
): Promise<void> {
  const deleting = await markDeleting(context, pool, record);
  try {
    await pool.backend.discard(itemOf(deleting));
  } finally {
    pool.trash.add(deleting); // which moves it, if that failed now
  }
}
