import { messageOf } from '../../errors.ts';
import type { Context } from '../context.ts';
import { poolOf } from '../lookup.ts';
import { type AsideRecord, holdsData, isAside, type StoredRecord } from '../record.ts';
import { isGone } from './whereabouts.ts';

/**
 * Ends the records of what is gone from the trash: they are removed, but a volume that moved away leaves a tombstone that says where it is, so
 * that its id, which names its first pool, is not taken for one that does not exist while its new pool is away.
 */
export async function forgetRecords(context: Context, records: readonly StoredRecord[]): Promise<void> {
  await context.store.remove(...records.filter((record) => !isAside(record)));
  for (const record of records.filter(isAside)) await endAside(context, record);
  for (const id of new Set(records.map((record) => record.id))) await dropTombstones(context, id);
}

/** The data of a volume's second record is gone, and so is the record where no volume ever left its pool. */
export async function endAside(context: Context, record: AsideRecord): Promise<void> {
  const now = dataOf(context, record);
  if (now === undefined) return;
  if (now.state === 'arriving' && now.movedTo === undefined) await context.store.remove(now);
  else await context.store.update<AsideRecord>(now, { state: 'departed', reservedBytes: 0, movedFrom: undefined });
}

/** False for a second record of a volume whose data was purged before: what it lay on may be another volume's by now. */
export function isToPurge(context: Context, record: StoredRecord): boolean {
  return !isAside(record) || dataOf(context, record) !== undefined;
}

/** The record as it is now, if it still stands for the same data. */
function dataOf(context: Context, { id, pool, folder }: AsideRecord): AsideRecord | undefined {
  return context.catalog.asides(id).find((aside) => aside.pool === pool && aside.folder === folder && holdsData(aside));
}

/** Removes the tombstones of a volume that does not exist any more. What cannot be removed now goes at a later start. */
export async function dropTombstones(context: Context, volumeId: string): Promise<void> {
  const tombstones = context.catalog.asides(volumeId);
  if (tombstones.length === 0 || !isGone(context, volumeId)) return;
  for (const tombstone of tombstones.filter((aside) => !holdsData(aside))) {
    try {
      await poolOf(context, tombstone).check();
      await context.store.remove(tombstone);
    } catch (error) {
      context.log.warn(
        { item: volumeId, pool: tombstone.pool, error: messageOf(error) },
        'the tombstone of a volume that had moved could not be removed; the next start tries again',
      );
    }
  }
}
