import { StowageError } from '../errors.ts';
import type { Context, ManagedPool } from './context.ts';
import { discard } from './delete.ts';
import { hashPool, newId } from './ids.ts';
import { refuseIfCopied } from './in-use.ts';
import { waitFor } from './jobs.ts';
import { lockKey, withLocks } from './locks.ts';
import { type Found, find, need, needReady, poolOf } from './lookup.ts';
import { copying, snapshotPair, undo } from './make.ts';
import { type GroupRecord, SCHEMA, type SnapshotRecord, type VolumeRecord } from './record.ts';
import type { CreateGroupRequest, GroupRequest } from './requests.ts';
import type { GroupInfo } from './service.ts';
import { beginSnapshot, snapshotInfo } from './snapshot.ts';

/** A call waits this long for its copies, then answers ABORTED, and the retry joins them. */
const COPY_WAIT_MS = 8_000;

/**
 * CreateVolumeGroupSnapshot: all snapshots or none. The group's own record decides: until it says `ready`, the snapshots are not seen,
 * and a start after a crash removes them. Snapshots of one pool are taken at one moment where the pool can.
 */
export async function createGroup(
  context: Context,
  request: CreateGroupRequest,
  signal: AbortSignal,
): Promise<GroupInfo> {
  const { name, sourceVolumeIds } = request;
  const known = context.catalog.byName('group', name);
  if (known !== undefined) checkSame(known, sourceVolumeIds);
  const running = known === undefined ? undefined : context.jobs.running(known.id);
  if (known !== undefined && running !== undefined) return joined(context, known, running, signal);

  const keys = [lockKey.name('group', name), ...sourceVolumeIds.map(lockKey.id)];
  return withLocks(context.locks, `CreateVolumeGroupSnapshot ${name}`, keys, async () => {
    if (known?.state === 'ready') return groupInfo(context, known);
    if (known !== undefined) await undoGroup(context, known);
    const sources: Found<VolumeRecord>[] = [];
    for (const id of sourceVolumeIds) sources.push(await needReady(context, 'volume', id));
    const group = await beginGroup(context, name, sources);
    const done = context.jobs.start(group.id, (jobSignal) => takeAll(context, group, sources, jobSignal));
    return joined(context, group, done, signal);
  });
}

async function joined(
  context: Context,
  group: GroupRecord,
  done: Promise<void>,
  signal: AbortSignal,
): Promise<GroupInfo> {
  if (!(await waitFor(done, COPY_WAIT_MS, signal))) {
    throw new StowageError('busy', `group snapshot ${group.name} is still being copied; call again to wait for it`);
  }
  return groupInfo(context, context.catalog.group(group.id) ?? group);
}

/** The group's record lies in the pool of its first volume. */
async function beginGroup(
  context: Context,
  name: string,
  sources: readonly Found<VolumeRecord>[],
): Promise<GroupRecord> {
  const [first] = sources;
  if (first === undefined) throw new StowageError('invalid', 'source_volume_ids: at least one is needed');
  const identity = await first.pool.check();
  return context.store.add<GroupRecord>({
    schema: SCHEMA,
    generation: 1,
    kind: 'group',
    id: newId('group', context.nodeHash, hashPool(identity.uuid)),
    name,
    createdAt: new Date().toISOString(),
    pool: first.pool.name,
    state: 'creating',
    sourceIds: sources.map(({ record }) => record.id),
    snapshotIds: [],
  });
}

async function takeAll(
  context: Context,
  group: GroupRecord,
  sources: readonly Found<VolumeRecord>[],
  signal: AbortSignal,
): Promise<void> {
  try {
    const snapshots: SnapshotRecord[] = [];
    for (const [index, { record, pool }] of sources.entries()) {
      snapshots.push(await beginSnapshot(context, pool, record, `${group.id}-${index}`, group.id));
    }
    for (const [pool, members] of byPool(context, snapshots)) await takeInPool(context, pool, members, signal);
    const ready: string[] = [];
    for (const snapshot of snapshots) ready.push((await context.store.update(snapshot, { state: 'ready' })).id);
    await context.store.update(group, { state: 'ready', snapshotIds: ready });
  } catch (error) {
    await undoGroup(context, group);
    throw error;
  }
}

async function takeInPool(
  context: Context,
  pool: ManagedPool,
  snapshots: readonly SnapshotRecord[],
  signal: AbortSignal,
): Promise<void> {
  const pairs = snapshots.map((record) => snapshotPair(context, record));
  const sourceIds = snapshots.map(({ sourceId }) => sourceId);
  await copying(context, pool, 'group snapshot', sourceIds, () => pool.backend.snapshot(pairs, signal));
}

function byPool(context: Context, snapshots: readonly SnapshotRecord[]): Map<ManagedPool, SnapshotRecord[]> {
  const groups = new Map<ManagedPool, SnapshotRecord[]>();
  for (const record of snapshots) {
    const pool = poolOf(context, record);
    groups.set(pool, [...(groups.get(pool) ?? []), record]);
  }
  return groups;
}

/** Removes a group that did not become complete, with whatever of its snapshots there is. */
export async function undoGroup(context: Context, group: GroupRecord): Promise<void> {
  for (const snapshot of liveMembersOf(context, group)) await undo(context, poolOf(context, snapshot), snapshot);
  if (liveMembersOf(context, group).length === 0) await context.store.remove(group);
}

/** DeleteVolumeGroupSnapshot: the group first, by its record, then each snapshot. */
export async function deleteGroup(context: Context, request: GroupRequest): Promise<void> {
  await withLocks(
    context.locks,
    `DeleteVolumeGroupSnapshot ${request.groupId}`,
    [lockKey.id(request.groupId)],
    async () => {
      const found = await find(context, 'group', request.groupId);
      const begun = context.catalog.group(request.groupId);
      if (begun?.state === 'deleting') await removeGroup(context, begun); // an earlier call failed in its midst
      if (found === undefined) return;
      if (found.record.state === 'creating') {
        await context.jobs.cancel(found.record.id);
        const left = context.catalog.group(found.record.id);
        if (left?.state === 'creating') await undoGroup(context, left);
        return;
      }
      checkMembers(found.record, request);
      for (const snapshot of membersOf(context, found.record)) refuseIfCopied(context, snapshot);
      await removeGroup(context, await context.store.update(found.record, { state: 'deleting' }));
    },
  );
}

/** Finishes the removal of a group in state `deleting`. */
export async function removeGroup(context: Context, group: GroupRecord): Promise<void> {
  for (const snapshot of liveMembersOf(context, group)) await discard(context, poolOf(context, snapshot), snapshot);
  await context.store.remove(group);
}

/** GetVolumeGroupSnapshot. */
export async function getGroup(context: Context, request: GroupRequest): Promise<GroupInfo> {
  const { record } = await need(context, 'group', request.groupId);
  checkMembers(record, request);
  return groupInfo(context, record);
}

function groupInfo(context: Context, group: GroupRecord): GroupInfo {
  const members = group.snapshotIds.map((id) => context.catalog.snapshot(id)).filter((found) => found !== undefined);
  return {
    id: group.id,
    snapshots: members.map(snapshotInfo),
    createdAt: new Date(group.createdAt),
    ready: group.state === 'ready' && members.length === group.snapshotIds.length,
  };
}

/** Those that are not on their way out. */
function liveMembersOf(context: Context, group: GroupRecord): SnapshotRecord[] {
  return membersOf(context, group).filter(({ state }) => state !== 'deleting');
}

/** All snapshots that name the group, whether it lists them yet or not. */
function membersOf(context: Context, group: GroupRecord): SnapshotRecord[] {
  return group.sourceIds
    .flatMap((id) => context.catalog.snapshotsOf(id))
    .filter((snapshot) => snapshot.groupId === group.id);
}

function checkMembers(group: GroupRecord, request: GroupRequest): void {
  const expected = [...group.snapshotIds].sort().join();
  if ([...request.snapshotIds].sort().join() === expected) return;
  throw new StowageError(
    'invalid',
    `snapshot_ids: group ${group.id} has ${group.snapshotIds.join(', ')}, not ${request.snapshotIds.join(', ')}`,
  );
}

function checkSame(group: GroupRecord, sourceVolumeIds: readonly string[]): void {
  if ([...group.sourceIds].sort().join() === [...sourceVolumeIds].sort().join()) return;
  throw new StowageError(
    'already-exists',
    `group snapshot ${group.name} exists, of volumes ${group.sourceIds.join(', ')}; choose another name`,
  );
}
