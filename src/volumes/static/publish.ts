import { StowageError } from '../../errors.ts';
import type { MountEntry, MountTable, PerMountFlag } from '../../host/mounts.ts';
import { publish as publishMount, unpublish as unpublishMount } from '../../staging/publish.ts';
import { stagedAt } from '../../staging/stage.ts';
import type { Context } from '../context.ts';
import { lockKey, withLocks } from '../locks.ts';
import { flagsOf, ONE_TARGET } from '../publish-flags.ts';
import type { PublishRequest, UnpublishRequest } from '../requests.ts';
import { checkUse, type HostPath, readHostPath } from './host-path.ts';
import { hashOf, type StaticRecord, withTarget } from './records.ts';

/** NodePublishVolume of a static volume: binds what is staged on the target path, read-only from the first moment where asked. */
export async function publishStatic(context: Context, request: PublishRequest): Promise<void> {
  const { host, statics } = context;
  const { volumeId } = request;
  const hostPath = readHostPath(context.config.hostPaths, request.volumeContext);
  checkUse(hostPath, request.capability);
  await withLocks(context.locks, `NodePublishVolume ${volumeId}`, [lockKey.id(volumeId)], async () => {
    const table = await host.mounts.table();
    const { record, staged } = await findStaged(context, request, hostPath, table);
    const target = await host.files.resolveParent(request.targetPath);
    const flags = flagsOf(request);
    const there = table.at(target);
    if (there !== undefined) {
      refuseIfOther(request, staged, there, flags);
      await statics.records.write(withTarget(record, target));
      return;
    }
    refuseSecondTarget(request, record, staged, target, table);
    if (flags.includes('ro')) await refuseIfWritableDevice(context, record);
    await statics.records.write(withTarget(record, target));
    await publishMount(host, staged.mountPoint, target, record.kind, flags);
  });
}

async function findStaged(
  context: Context,
  request: PublishRequest,
  hostPath: HostPath,
  table: MountTable,
): Promise<{ record: StaticRecord; staged: MountEntry }> {
  if (request.stagingPath === undefined) {
    // CSI, "NodePublishVolume Errors": Staging target path not set
    throw new StowageError('precondition', 'staging_target_path is not set; a host path must be staged first');
  }
  const stagingPath = await context.host.files.resolveParent(request.stagingPath);
  const record = await context.statics.records.read(request.volumeId);
  const known = record === 'damaged' || record?.stagingPath !== stagingPath ? undefined : record;
  const staged = known === undefined ? undefined : table.at(stagedAt(stagingPath));
  if (known === undefined || staged === undefined || staged.device !== known.fileSystem) {
    throw new StowageError(
      'precondition',
      `volume ${request.volumeId} is not staged at ${request.stagingPath}; call NodeStageVolume first`,
    );
  }
  const { access } = request.capability;
  if (known.path === hostPath.path && known.type === hostPath.type && known.access === access.type)
    return { record: known, staged };
  throw new StowageError(
    'precondition',
    `volume ${request.volumeId} is staged as ${known.access} '${known.type}' ${known.path}, not as ${access.type} '${hostPath.type}' ${hostPath.path}; unstage it first`,
  );
}

function isSame(first: MountEntry, second: MountEntry | undefined): boolean {
  return first.device === second?.device && first.root === second.root;
}

function refuseIfOther(
  request: PublishRequest,
  staged: MountEntry,
  there: MountEntry,
  flags: readonly PerMountFlag[],
): void {
  if (!isSame(staged, there)) {
    throw new StowageError(
      'already-exists',
      `${request.targetPath} is the mount point of ${there.source} ${there.root} already; unpublish that first`,
    );
  }
  const isReadOnly = there.options.includes('ro');
  if (isReadOnly === (flags.includes('ro') || staged.options.includes('ro'))) return;
  throw new StowageError(
    'already-exists',
    `volume ${request.volumeId} is published at ${request.targetPath} ${isReadOnly ? 'read-only' : 'writable'}; unpublish it first`,
  );
}

function refuseSecondTarget(
  { volumeId, capability: { mode } }: PublishRequest,
  record: StaticRecord,
  staged: MountEntry,
  target: string,
  table: MountTable,
): void {
  if (!ONE_TARGET.includes(mode)) return;
  const other = record.targets.find((path) => path !== target && isSame(staged, table.at(path)));
  if (other === undefined) return;
  throw new StowageError(
    'precondition',
    `volume ${volumeId} is published at ${other} already, and access_mode ${mode} allows one target; unpublish that first`,
  );
}

/** A read-only mount keeps nobody from writing to a device. Making the disk itself read-only would do so for all of the host: that is its administrator's to do. */
async function refuseIfWritableDevice(context: Context, { path, blockDevice }: StaticRecord): Promise<void> {
  if (blockDevice === undefined) return;
  const answer = await context.host.files.read(`/sys/dev/block/${blockDevice}/ro`, 16);
  if (answer?.trim() === '1') return;
  throw new StowageError(
    'precondition',
    `block device ${path} is asked for read-only and can be written; say \`blockdev --setro ${path}\` on the node first, or publish it writable`,
  );
}

/** NodeUnpublishVolume of an id that is not ours: nothing unless its record names the target. */
export async function unpublishStatic(context: Context, request: UnpublishRequest): Promise<void> {
  const { host, statics, log } = context;
  const { volumeId } = request;
  await withLocks(context.locks, `NodeUnpublishVolume ${volumeId}`, [lockKey.id(volumeId)], async () => {
    const record = await statics.records.read(volumeId);
    if (record === undefined) return; // never published by us: whatever is mounted there is not ours
    const target = await host.files.resolveParent(request.targetPath);
    if (record === 'damaged') {
      log.warn(
        { volume: hashOf(volumeId) },
        'the record of a static volume cannot be read: what is at the given path is undone',
      );
      await unpublishMount(host, target);
      return;
    }
    if (!record.targets.includes(target)) return;
    await unpublishMount(host, target);
    await statics.records.write({ ...record, targets: record.targets.filter((path) => path !== target) });
  });
}
