import type { Opened } from '../backends/backend.ts';
import { StowageError } from '../errors.ts';
import type { MountEntry, MountTable, PerMountFlag } from '../host/mounts.ts';
import { isMountOf, type MountMark, markOf, mountsOf } from '../staging/mounted.ts';
import { hasFlags, publish as publishMount, unpublish as unpublishMount } from '../staging/publish.ts';
import { stagedAt } from '../staging/stage.ts';
import { checkCapability } from './choose.ts';
import type { Context } from './context.ts';
import { checkFits } from './describe.ts';
import { publishEphemeral, unpublishEphemeral } from './ephemeral.ts';
import { isEphemeralId } from './ephemeral-find.ts';
import { parseId } from './ids.ts';
import { lockKey, withLocks } from './locks.ts';
import { needReady } from './lookup.ts';
import { flagsOf, ONE_TARGET } from './publish-flags.ts';
import { itemOf } from './record.ts';
import type { PublishRequest, UnpublishRequest } from './requests.ts';
import { isStatic } from './static/host-path.ts';
import { publishStatic, unpublishStatic } from './static/publish.ts';

/** NodePublishVolume: binds what is staged on the target path, read-only from the first moment where asked. */
export async function publish(context: Context, request: PublishRequest, signal: AbortSignal): Promise<void> {
  if (request.ephemeral !== undefined) return publishEphemeral(context, request, request.ephemeral, signal);
  if (isStatic(request.volumeId, request.volumeContext)) return publishStatic(context, request);
  await withLocks(context.locks, `NodePublishVolume ${request.volumeId}`, [lockKey.id(request.volumeId)], async () => {
    const { host } = context;
    const { record, pool } = await needReady(context, 'volume', request.volumeId);
    if (request.stagingPath === undefined) {
      // CSI, "NodePublishVolume Errors": Staging target path not set
      throw new StowageError('precondition', 'staging_target_path is not set; the volume must be staged first');
    }
    checkFits(record, request.capability.access.type);
    checkCapability(pool, request.capability);
    const [stagingPath, target] = await Promise.all([
      host.files.resolveParent(request.stagingPath),
      host.files.resolveParent(request.targetPath),
    ]);
    const opened = await pool.backend.opened(itemOf(record));
    const table = await host.mounts.table();
    const mark = opened === undefined ? undefined : await markOf(host, opened, table);
    const source = stagedAt(stagingPath);
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
export async function unpublish(context: Context, request: UnpublishRequest, signal: AbortSignal): Promise<void> {
  if (isEphemeralId(context, request.volumeId)) return unpublishEphemeral(context, request, signal);
  if (parseId(request.volumeId).origin === 'foreign') return unpublishStatic(context, request);
  await withLocks(
    context.locks,
    `NodeUnpublishVolume ${request.volumeId}`,
    [lockKey.id(request.volumeId)],
    async () => {
      await unpublishMount(context.host, await context.host.files.resolveParent(request.targetPath));
    },
  );
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
  if (hasFlags(there, flags)) return;
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
