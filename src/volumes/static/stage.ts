import { StowageError } from '../../errors.ts';
import type { OpenPath } from '../../host/files.ts';
import type { MountEntry, MountTable } from '../../host/mounts.ts';
import { splitFlags } from '../../staging/flags.ts';
import { deviceNumber } from '../../staging/mounted.ts';
import { stagedAt, unstage as unstageMount } from '../../staging/stage.ts';
import type { Context } from '../context.ts';
import { isEphemeralId } from '../ephemeral-find.ts';
import { lockKey, withLocks } from '../locks.ts';
import type { StageRequest, UnstageRequest } from '../requests.ts';
import { refuseIfInUse } from './devices.ts';
import { checkUse, type HostPath, readHostPath } from './host-path.ts';
import { openHostPath } from './open.ts';
import { hashOf, type StaticRecord } from './records.ts';
import { placeOfOpened } from './reserved.ts';

/** How long taking back what could not be staged may take. */
const UNDO_TIMEOUT_MS = 10_000;

/** NodeStageVolume of a static volume: checks its path, and binds what lies there beneath the staging path. */
export async function stageStatic(context: Context, request: StageRequest, signal: AbortSignal): Promise<void> {
  const { volumeId } = request;
  if (isEphemeralId(context, volumeId)) {
    throw new StowageError(
      'invalid',
      `volume ${volumeId}: ids of this form are the kubelet's, for inline volumes; give the volume another volumeHandle`,
    );
  }
  const hostPath = readHostPath(context.config.hostPaths, request.volumeContext);
  checkUse(hostPath, request.capability);
  await withLocks(context.locks, `NodeStageVolume ${volumeId}`, [lockKey.id(volumeId)], async () => {
    const opened = await openHostPath(context, hostPath, signal);
    try {
      await bind(context, request, hostPath, opened);
    } finally {
      opened.close();
    }
  });
}

async function bind(context: Context, request: StageRequest, hostPath: HostPath, opened: OpenPath): Promise<void> {
  const { host, statics } = context;
  const { access } = request.capability;
  const stagingPath = await host.files.resolveParent(request.stagingPath);
  const table = await host.mounts.table();
  const place = placeOfOpened(table, opened);
  checkFsType(hostPath, place.mount, access.type === 'mount' ? access.fsType : undefined);
  const earlier = await statics.records.read(request.volumeId);
  const record: StaticRecord = {
    schema: 1,
    volumeHash: hashOf(request.volumeId),
    path: hostPath.path,
    type: hostPath.type,
    access: access.type,
    kind: opened.stat.type === 'folder' ? 'folder' : 'node',
    fileSystem: place.device,
    device: opened.stat.device,
    inode: opened.stat.inode,
    ...(opened.stat.type === 'block' ? { blockDevice: deviceNumber(opened.stat.rdev) } : {}),
    stagingPath,
    targets: [],
  };
  const isMounted = earlier !== undefined && earlier !== 'damaged' && mountsOf(earlier, table).length > 0;
  if (isMounted) refuseIfOther(request.volumeId, earlier, record);
  const target = stagedAt(stagingPath);
  const there = table.at(target) ?? table.at(stagingPath);
  if (there !== undefined && !(isMounted && there.mountPoint === target && isSameFile(earlier, record))) {
    throw new StowageError(
      'already-exists',
      `${there.mountPoint} is the mount point of ${there.source} ${there.root} already, not of what lies at ${hostPath.path} now; unstage that first`,
    );
  }
  if (there === undefined && record.access === 'block' && record.blockDevice !== undefined)
    await refuseIfInUse(context, hostPath.path, record.blockDevice, table);
  // Before the mount: whoever undoes it has nothing but this record to know it by.
  if (!isMounted) await statics.records.write(record);
  if (there !== undefined) return;
  try {
    await host.files.makeFolders(record.kind === 'folder' ? target : stagingPath);
    if (record.kind === 'node') await host.files.touch(target);
    await host.mounts.bindOpened(opened, target, access.type === 'mount' ? splitFlags(access.mountFlags).perMount : []);
  } catch (error) {
    // The kubelet need not unstage what it was told had failed.
    await unstageMount(host, stagingPath, AbortSignal.timeout(UNDO_TIMEOUT_MS));
    if (!isMounted) await statics.records.remove(record.volumeHash);
    throw error;
  }
}

/** By inode: mountinfo's paths are no witness, since a rename changes them without a sign. */
export function isSameFile(
  first: Pick<StaticRecord, 'device' | 'inode'>,
  second: Pick<StaticRecord, 'device' | 'inode'>,
): boolean {
  return first.device === second.device && first.inode === second.inode;
}

/** The mounts that a record names and that are there: at its staging path first. */
export function mountsOf(record: StaticRecord, table: MountTable): MountEntry[] {
  return [stagedAt(record.stagingPath), ...record.targets]
    .map((path) => table.at(path))
    .filter((mount) => mount !== undefined);
}

function refuseIfOther(volumeId: string, earlier: StaticRecord, record: StaticRecord): void {
  const differs = (['path', 'type', 'access', 'stagingPath'] as const).find((key) => earlier[key] !== record[key]);
  if (differs === undefined) return;
  throw new StowageError(
    'already-exists',
    `volume ${volumeId} is staged with ${differs} '${earlier[differs]}', and now asked for with '${record[differs]}'; unpublish and unstage it first`,
  );
}

function checkFsType({ path }: HostPath, mount: MountEntry, fsType: string | undefined): void {
  if (fsType === undefined || fsType === mount.fsType) return;
  throw new StowageError(
    'precondition',
    `host path ${path} lies on ${mount.fsType}, not on ${fsType}; leave fsType out`,
  );
}

/** NodeUnstageVolume of an id that is not ours: nothing unless it has a record. What lies at the host path is not touched. */
export async function unstageStatic(context: Context, request: UnstageRequest, signal: AbortSignal): Promise<void> {
  const { host, statics, log } = context;
  const { volumeId } = request;
  await withLocks(context.locks, `NodeUnstageVolume ${volumeId}`, [lockKey.id(volumeId)], async () => {
    const record = await statics.records.read(volumeId);
    if (record === undefined) return; // never staged by us: whatever is mounted there is not ours
    const stagingPath = await host.files.resolveParent(request.stagingPath);
    if (record === 'damaged') {
      log.warn(
        { volume: hashOf(volumeId) },
        'the record of a static volume cannot be read: what is at the given path is undone',
      );
    } else {
      if (record.stagingPath !== stagingPath) return;
      await refuseIfPublished(context, volumeId, record);
    }
    await unstageMount(host, stagingPath, signal);
    await statics.records.remove(hashOf(volumeId));
  });
}

async function refuseIfPublished(context: Context, volumeId: string, record: StaticRecord): Promise<void> {
  const table = await context.host.mounts.table();
  const target = record.targets.find((path) => table.at(path) !== undefined);
  if (target === undefined) return;
  throw new StowageError('precondition', `volume ${volumeId} is still published at ${target}; unpublish it first`);
}
