import { isStowageError, messageOf } from '../errors.ts';
import type { Context, ManagedPool } from './context.ts';
import { startCopy } from './create.ts';
import { discard } from './delete.ts';
import { removeAbandoned } from './ephemeral-remove.ts';
import { removeGroup, undoGroup } from './group.ts';
import { hashPool, parseId } from './ids.ts';
import { poolOf } from './lookup.ts';
import { undo } from './make.ts';
import {
  type AnyRecord,
  type GroupRecord,
  holdsData,
  itemOf,
  type SnapshotRecord,
  type StoredRecord,
} from './record.ts';
import { startSnapshot } from './snapshot.ts';

/** How long finishing what one dead process left in a pool may take, copies aside. */
const RECOVERY_TIMEOUT_MS = 120_000;

/**
 * Opens a pool after a start, or when it comes back: reads its records, undoes what no record names, then finishes or undoes what each
 * record says is half done. It never guesses: data without a record, and records that cannot be read, are left alone.
 */
export async function openPool(context: Context, pool: ManagedPool): Promise<void> {
  await context.store.tidy(pool.config);
  const count = await context.store.load(pool.config);
  for (const [id, damage] of context.catalog.damages()) {
    if (damage.pool === pool.name)
      context.log.error(
        { item: id, pool: pool.name, problem: damage.problem },
        'a record cannot be read; its data is left alone',
      );
  }
  const records = [...context.catalog.all(pool.name)];
  const stored = records.filter((record) => record.kind !== 'group');
  await pool.backend.recover(stored.filter(holdsData).map(itemOf), AbortSignal.timeout(RECOVERY_TIMEOUT_MS));
  for (const record of stored) if (record.state !== 'ready') await recoverRecord(context, pool, record);
  await removeAbandoned(context, pool);
  context.log.info({ pool: pool.name, records: count }, 'pool opened');
}

/**
 * Finishes or undoes group snapshots, once all pools that are here have been opened: a group may span several.
 */
export async function recoverGroups(context: Context): Promise<void> {
  const records: AnyRecord[] = [...context.catalog.all()];
  for (const group of records.filter((record) => record.kind === 'group')) {
    await attempt(context, group, () => recoverGroup(context, group));
  }
  for (const snapshot of records.filter((record) => record.kind === 'snapshot')) {
    if (isOrphan(context, snapshot)) await attempt(context, snapshot, () => removeOrphan(context, snapshot));
  }
}

async function recoverRecord(context: Context, pool: ManagedPool, record: StoredRecord): Promise<void> {
  await attempt(context, record, async () => {
    if (record.state === 'creating' || record.state === 'deleting')
      context.log.info(
        { item: record.id, name: record.name, state: record.state },
        'going on with what an earlier process began',
      );
    switch (record.state) {
      case 'creating':
        await recoverCreation(context, pool, record);
        return;
      case 'deleting':
        await pool.backend.discard(itemOf(record));
        pool.trash.add(record);
        return;
      case 'archived':
        await pool.backend.archive(itemOf(record), new Date(record.removedAt ?? record.createdAt));
        return;
      case 'ready':
      case 'retained':
      case 'arriving': // moves are settled when both pools have been opened
      case 'departed':
        return;
    }
  });
}

/** Copies begin again, behind the start; what was empty is undone, and the retry makes it anew. */
async function recoverCreation(context: Context, pool: ManagedPool, record: StoredRecord): Promise<void> {
  if (record.kind === 'snapshot') {
    if (record.groupId === undefined) inBackground(context, record, startSnapshot(context, pool, record));
    return;
  }
  if (record.source === undefined) await undo(context, pool, record);
  else inBackground(context, record, startCopy(context, pool, record));
}

function inBackground(context: Context, record: AnyRecord, work: Promise<void>): void {
  work.catch((error: unknown) => {
    const level = isStowageError(error, 'cancelled') ? 'info' : 'warn';
    context.log[level](
      { item: record.id, error: messageOf(error) },
      'a copy that an earlier process began could not be finished now',
    );
  });
}

async function recoverGroup(context: Context, group: GroupRecord): Promise<void> {
  if (group.state === 'creating') await undoGroup(context, group);
  else if (group.state === 'deleting') await removeGroup(context, group);
}

/** A snapshot of a group whose record is gone, though its pool is here. */
function isOrphan(context: Context, snapshot: SnapshotRecord): boolean {
  const { groupId } = snapshot;
  if (groupId === undefined || snapshot.state === 'deleting' || context.catalog.group(groupId) !== undefined)
    return false;
  if (context.catalog.damage(groupId) !== undefined) return false;
  const parsed = parseId(groupId);
  const hashes = [...context.pools.values()].map((pool) => pool.identity()?.uuid).filter((uuid) => uuid !== undefined);
  return parsed.origin === 'ours' && hashes.some((uuid) => hashPool(uuid) === parsed.poolHash);
}

async function removeOrphan(context: Context, snapshot: SnapshotRecord): Promise<void> {
  const pool = poolOf(context, snapshot);
  if (snapshot.state === 'creating') await undo(context, pool, snapshot);
  else await discard(context, pool, snapshot);
}

/** One item that cannot be recovered now stays as it is, and does not keep the others from it. */
async function attempt(context: Context, record: AnyRecord, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    context.log.error(
      { item: record.id, state: record.state, error: messageOf(error) },
      'recovery failed; the next start tries again',
    );
  }
}
