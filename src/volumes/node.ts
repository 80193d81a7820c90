import type { Opened } from '../backends/backend.ts';
import { StowageError } from '../errors.ts';
import type { MountEntry, MountTable, PerMountFlag } from '../host/mounts.ts';
import { splitFlags } from '../staging/flags.ts';
import { isMountOf, type MountMark, markOf, mountsOf } from '../staging/mounted.ts';
import { hasFlags, publish as publishMount, unpublish as unpublishMount } from '../staging/publish.ts';
import { stagedAt, stage as stageMount, unstage as unstageMount } from '../staging/stage.ts';
import { checkCapability } from './choose.ts';
import type { Context, ManagedPool } from './context.ts';
import { checkFits, conditionOf } from './describe.ts';
import { expandRecord } from './expand.ts';
import { lockKey, withLocks } from './locks.ts';
import { type Found, find, needReady } from './lookup.ts';
import { itemOf, type VolumeRecord } from './record.ts';
import type {
  AccessMode,
  NodeExpandRequest,
  PublishRequest,
  StageRequest,
  StatsRequest,
  UnpublishRequest,
  UnstageRequest,
} from './requests.ts';
import type { Stats } from './service.ts';

/** Modes in which a volume may be published at one target only (CSI spec, NodePublishVolume). */
const ONE_TARGET: readonly AccessMode[] = [
  'SINGLE_NODE_WRITER',
  'SINGLE_NODE_SINGLE_WRITER',
  'SINGLE_NODE_READER_ONLY',
];

/** How long closing what could not be staged may take. */
const CLOSE_TIMEOUT_MS = 10_000;

/** NodeStageVolume: opens the volume (a loop device is made anew after a reboot), mounts it at the staging path, and grows its file system where a larger size waits. */
export async function stage(context: Context, request: StageRequest, signal: AbortSignal): Promise<void> {
  await withLocks(context.locks, `NodeStageVolume ${request.volumeId}`, keysOf(request), async () => {
    const { record, pool } = await needReady(context, 'volume', request.volumeId);
    const { access } = request.capability;
    checkFits(record, access.type);
    checkCapability(pool, request.capability);
    const stagingPath = await context.host.files.resolveParent(request.stagingPath);
    const item = itemOf(record);
    const opened = await pool.backend.open(item, signal);
    let isNew = false;
    try {
      checkFsType(record, opened, access.type === 'mount' ? access.fsType : undefined);
      const flags = access.type === 'mount' ? access.mountFlags : [];
      isNew = await stageMount(context.host, opened, stagingPath, flags, signal);
      if (record.access === 'mount') await pool.backend.grow(item, stagingPath, signal);
    } catch (error) {
      if (isNew) await unstageMount(context.host, stagingPath, AbortSignal.timeout(CLOSE_TIMEOUT_MS));
      await closeUnlessMounted(context, pool, record, opened);
      throw error;
    }
  });
}

/** NodeUnstageVolume. What is not staged is fine, also a volume that does not exist any more. */
export async function unstage(context: Context, request: UnstageRequest, signal: AbortSignal): Promise<void> {
  const { volumeId } = request;
  await withLocks(context.locks, `NodeUnstageVolume ${volumeId}`, keysOf(request), async () => {
    const stagingPath = await context.host.files.resolveParent(request.stagingPath);
    const found = await find(context, 'volume', volumeId);
    const opened = await found?.pool.backend.opened(itemOf(found.record));
    if (opened !== undefined) await refuseIfPublished(context, volumeId, opened, stagedAt(opened, stagingPath));
    await unstageMount(context.host, stagingPath, signal);
    await found?.pool.backend.close(itemOf(found.record), signal);
  });
}

/** NodePublishVolume: binds what is staged on the target path, read-only from the first moment where asked. */
export async function publish(context: Context, request: PublishRequest): Promise<void> {
  await withLocks(context.locks, `NodePublishVolume ${request.volumeId}`, [lockKey.id(request.volumeId)], async () => {
    const { host } = context;
    const { record, pool } = await needReady(context, 'volume', request.volumeId);
    checkFits(record, request.capability.access.type);
    checkCapability(pool, request.capability);
    const [stagingPath, target] = await Promise.all([
      host.files.resolveParent(request.stagingPath),
      host.files.resolveParent(request.targetPath),
    ]);
    const opened = await pool.backend.opened(itemOf(record));
    const table = await host.mounts.table();
    const mark = opened === undefined ? undefined : await markOf(host, opened, table);
    const source = opened === undefined ? stagingPath : stagedAt(opened, stagingPath);
    const staged = table.at(source);
    if (opened === undefined || mark === undefined || staged === undefined || !isMountOf(mark, staged)) {
      throw new StowageError(
        'precondition',
        `volume ${record.id} is not staged at ${request.stagingPath}; call NodeStageVolume first`,
      );
    }
    const flags = flagsOf(request);
    const there = table.at(target);
    if (there !== undefined) {
      refuseIfOther(request, mark, there, flags);
      return;
    }
    const others = publishedMounts(mark, table, source);
    refuseSecondTarget(request, others);
    if (record.access === 'block') await setDeviceReadOnly(context, opened, others, flags.includes('ro'));
    await publishMount(host, source, target, record.access === 'block' ? 'node' : 'folder', flags);
  });
}

/** NodeUnpublishVolume: needs no record; what is not there is fine. */
export async function unpublish(context: Context, request: UnpublishRequest): Promise<void> {
  await withLocks(
    context.locks,
    `NodeUnpublishVolume ${request.volumeId}`,
    [lockKey.id(request.volumeId)],
    async () => {
      await unpublishMount(context.host, await context.host.files.resolveParent(request.targetPath));
    },
  );
}

/** NodeGetVolumeStats: the volume's own numbers, never those of its pool. */
export async function stats(context: Context, request: StatsRequest, signal: AbortSignal): Promise<Stats> {
  const { pool, record, mount } = await findMounted(context, request.volumeId, request.volumePath);
  const mountPoint = record.access === 'mount' ? mount.mountPoint : undefined;
  const usage = await pool.backend.usage(itemOf(record), mountPoint, signal);
  return { usage, condition: await conditionOf(pool, record) };
}

/** NodeExpandVolume: all of the expansion where the controller has no part in it, and then the file system. */
export async function expandOnNode(context: Context, request: NodeExpandRequest, signal: AbortSignal): Promise<number> {
  return withLocks(context.locks, `NodeExpandVolume ${request.volumeId}`, keysOf(request), async () => {
    const { pool, record, mount } = await findMounted(context, request.volumeId, request.volumePath);
    const larger = await expandRecord(context, pool, record, request.size, signal);
    await pool.backend.grow(itemOf(larger), larger.access === 'mount' ? mount.mountPoint : undefined, signal);
    return larger.sizeBytes;
  });
}

/** The volume, and its mount at a path that it was staged or published at. @throws 'not-found' where it is not mounted there */
async function findMounted(
  context: Context,
  volumeId: string,
  volumePath: string,
): Promise<Found<VolumeRecord> & { readonly mount: MountEntry }> {
  const found = await needReady(context, 'volume', volumeId);
  const path = await context.host.files.resolveParent(volumePath);
  const opened = await found.pool.backend.opened(itemOf(found.record));
  const table = await context.host.mounts.table();
  if (opened !== undefined) {
    const mark = await markOf(context.host, opened, table);
    for (const candidate of [path, stagedAt(opened, path)]) {
      const mount = table.at(candidate);
      if (mount !== undefined && isMountOf(mark, mount)) return { ...found, mount };
    }
  }
  throw new StowageError(
    'not-found',
    `volume ${volumeId} is not mounted at ${volumePath}; stage or publish it there first`,
  );
}

/** Locks of calls that change what a running copy reads. */
function keysOf({ volumeId }: { readonly volumeId: string }): string[] {
  return [lockKey.id(volumeId), lockKey.copy(volumeId)];
}

function flagsOf(request: PublishRequest): PerMountFlag[] {
  const { access, mode } = request.capability;
  const readOnly = request.readOnly || mode === 'SINGLE_NODE_READER_ONLY' || mode === 'MULTI_NODE_READER_ONLY';
  const flags = access.type === 'mount' ? splitFlags(access.mountFlags).perMount.filter((flag) => flag !== 'rw') : [];
  return readOnly && !flags.includes('ro') ? [...flags, 'ro'] : [...flags];
}

function refuseIfOther(
  request: PublishRequest,
  mark: MountMark,
  there: MountEntry,
  flags: readonly PerMountFlag[],
): void {
  if (!isMountOf(mark, there)) {
    throw new StowageError(
      'already-exists',
      `${request.targetPath} is the mount point of ${there.source} ${there.root} already; unpublish that first`,
    );
  }
  // The read-only flag of a raw block device is the device's, not its node's mount's.
  if (request.capability.access.type === 'block' || hasFlags(there, flags)) return;
  throw new StowageError(
    'already-exists',
    `volume ${request.volumeId} is published at ${request.targetPath} ${there.options.includes('ro') ? 'read-only' : 'writable'}; unpublish it first`,
  );
}

/** The volume's mounts that are neither its staging mount nor sub-paths. */
function publishedMounts(mark: MountMark, table: MountTable, source: string): MountEntry[] {
  return mountsOf(mark, table).filter((mount) => mount.mountPoint !== source && isMountOf(mark, mount));
}

function refuseSecondTarget(request: PublishRequest, others: readonly MountEntry[]): void {
  const [other] = others;
  if (other === undefined || !ONE_TARGET.includes(request.capability.mode)) return;
  throw new StowageError(
    'precondition',
    `volume ${request.volumeId} is published at ${other.mountPoint} already, and access_mode ${request.capability.mode} allows one target; unpublish that first`,
  );
}

/** A raw block device is read-only as a whole: its node's mount cannot make it so. */
async function setDeviceReadOnly(
  context: Context,
  opened: Opened,
  others: readonly MountEntry[],
  readOnly: boolean,
): Promise<void> {
  const { loops } = context.host;
  if ((await loops.isReadOnly(opened.path)) === readOnly) return;
  const [other] = others;
  if (other !== undefined) {
    throw new StowageError(
      'precondition',
      `raw block device ${opened.path} is published at ${other.mountPoint} ${readOnly ? 'writable' : 'read-only'}; it cannot be both at once`,
    );
  }
  await loops.setReadOnly(opened.path, readOnly);
}

async function refuseIfPublished(
  context: Context,
  volumeId: string,
  opened: Opened,
  stagedPath: string,
): Promise<void> {
  const table = await context.host.mounts.table();
  const [mount] = mountsOf(await markOf(context.host, opened, table), table).filter(
    ({ mountPoint }) => mountPoint !== stagedPath,
  );
  if (mount === undefined) return;
  throw new StowageError(
    'precondition',
    `volume ${volumeId} is still published at ${mount.mountPoint}; unpublish it first`,
  );
}

async function closeUnlessMounted(
  context: Context,
  pool: ManagedPool,
  record: VolumeRecord,
  opened: Opened,
): Promise<void> {
  const table = await context.host.mounts.table();
  const isMounted = mountsOf(await markOf(context.host, opened, table), table).length > 0;
  if (!isMounted) await pool.backend.close(itemOf(record), AbortSignal.timeout(CLOSE_TIMEOUT_MS));
}

function checkFsType(record: VolumeRecord, opened: Opened, fsType: string | undefined): void {
  if (fsType === undefined || opened.type === 'folder' || opened.fsType === undefined || opened.fsType === fsType)
    return;
  throw new StowageError('precondition', `volume ${record.id} has file system ${opened.fsType}, not ${fsType}`);
}
