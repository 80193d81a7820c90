import { snapshotLayout } from '../backends/layout.ts';
import { StowageError } from '../errors.ts';
import type { Context, ManagedPool } from './context.ts';
import { abandon, discard } from './delete.ts';
import { folderName, hashPool, newId } from './ids.ts';
import { refuseIfCopied } from './in-use.ts';
import { waitFor } from './jobs.ts';
import { lockKey, withLocks } from './locks.ts';
import { find, need, needReady, poolOf } from './lookup.ts';
import { addHeld, copying, makeBytes, snapshotPair } from './make.ts';
import { itemOf, SCHEMA, type SnapshotRecord, type VolumeRecord } from './record.ts';
import type { CreateSnapshotRequest, SnapshotRequest } from './requests.ts';
import type { SnapshotInfo } from './service.ts';

/** A call waits this long for its copy, then answers with ready_to_use false. */
const READY_WAIT_MS = 2_000;
/** An instant one is not worth a second call, also where LVM takes its turn; below the snapshotter's deadline. */
const INSTANT_WAIT_MS = 8_000;

/** CreateSnapshot: instant where the pool can, else a copy that may go on behind the answer. Idempotent by name. */
export async function createSnapshot(
  context: Context,
  request: CreateSnapshotRequest,
  signal: AbortSignal,
): Promise<SnapshotInfo> {
  const { name, sourceVolumeId } = request;
  const known = context.catalog.byName('snapshot', name);
  if (known !== undefined) checkSame(known, sourceVolumeId);
  const keys = [lockKey.name('snapshot', name), lockKey.id(sourceVolumeId)];
  return withLocks(context.locks, `CreateSnapshot ${name}`, keys, async () => {
    if (known !== undefined) await poolOf(context, known).check();
    if (known?.state === 'ready') return snapshotInfo(known);
    const { record: source, pool } = await needReady(context, 'volume', sourceVolumeId);
    // A pool that came back just now has brought its records.
    const late = context.catalog.byName('snapshot', name);
    if (late !== undefined) checkSame(late, sourceVolumeId);
    if (late?.state === 'ready') return snapshotInfo(late);
    const record = late ?? (await beginSnapshot(context, pool, source, name));
    const waitMs = pool.backend.features.snapshots === 'instant' ? INSTANT_WAIT_MS : READY_WAIT_MS;
    await waitFor(startSnapshot(context, pool, record), waitMs, signal);
    return snapshotInfo(context.catalog.snapshot(record.id) ?? record);
  });
}

/** Writes the record of a new snapshot, in state `creating`, with room for all that its source holds now. */
export async function beginSnapshot(
  context: Context,
  pool: ManagedPool,
  source: VolumeRecord,
  name: string,
  groupId?: string,
): Promise<SnapshotRecord> {
  if (pool.backend.features.snapshots === 'none') {
    throw new StowageError('unsupported', `pool ${pool.name} (${pool.config.backend}) has no snapshots`);
  }
  const identity = pool.identity() ?? (await pool.check()); // seen when the source was found: on a share each look is a wait
  const reservedBytes = await pool.backend.snapshotSizeBytes(itemOf(source));
  const release = await pool.room.hold(reservedBytes, `snapshot ${name}`);
  const id = newId('snapshot', context.nodeHash, hashPool(identity.uuid));
  const record: SnapshotRecord = {
    schema: SCHEMA,
    generation: 1,
    kind: 'snapshot',
    id,
    name,
    createdAt: new Date().toISOString(),
    state: 'creating',
    pool: pool.name,
    folder: folderName(name, id),
    sizeBytes: source.sizeBytes,
    reservedBytes,
    layout: snapshotLayout(source.layout),
    access: source.access,
    sourceId: source.id,
    ...(groupId === undefined ? {} : { groupId }),
  };
  return addHeld(context, record, release);
}

/** Starts, or joins, the job that takes a snapshot. */
export function startSnapshot(context: Context, pool: ManagedPool, record: SnapshotRecord): Promise<void> {
  return context.jobs.start(record.id, async (jobSignal) => {
    await copying(context, pool, `snapshot ${record.name}`, [record.sourceId], () =>
      makeBytes(context, pool, record, async () => pool.backend.snapshot([snapshotPair(context, record)], jobSignal)),
    );
  });
}

/** DeleteSnapshot. An id that does not exist, or that is not ours, is fine. */
export async function deleteSnapshot(context: Context, { snapshotId }: SnapshotRequest): Promise<void> {
  await withLocks(context.locks, `DeleteSnapshot ${snapshotId}`, [lockKey.id(snapshotId)], async () => {
    const found = await find(context, 'snapshot', snapshotId);
    if (found === undefined) return;
    const { record, pool } = found;
    if (record.groupId !== undefined) {
      throw new StowageError('invalid', `snapshot ${snapshotId} belongs to group ${record.groupId}; delete the group`);
    }
    refuseIfCopied(context, record);
    if (record.state === 'creating') await abandon(context, pool, record);
    else await discard(context, pool, record);
  });
}

/** GetSnapshot. */
export async function getSnapshot(context: Context, { snapshotId }: SnapshotRequest): Promise<SnapshotInfo> {
  return snapshotInfo((await need(context, 'snapshot', snapshotId)).record);
}

/** What CSI says of a snapshot. */
export function snapshotInfo(record: SnapshotRecord): SnapshotInfo {
  return {
    id: record.id,
    sourceVolumeId: record.sourceId,
    sizeBytes: record.sizeBytes,
    createdAt: new Date(record.createdAt),
    ready: record.state === 'ready',
    groupId: record.groupId,
  };
}

function checkSame(record: SnapshotRecord, sourceVolumeId: string): void {
  if (record.sourceId === sourceVolumeId && record.groupId === undefined) return;
  throw new StowageError(
    'already-exists',
    `snapshot ${record.name} exists, of volume ${record.sourceId}${record.groupId === undefined ? '' : ` in group ${record.groupId}`}; choose another name`,
  );
}
