import { StowageError } from '../../errors.ts';
import { isNfs } from '../../host/nfs-mount.ts';
import { hasFlags, publish as publishMount, unpublish as unpublishMount } from '../../staging/publish.ts';
import { stagedAt } from '../../staging/stage.ts';
import type { Context } from '../context.ts';
import { lockKey, withLocks } from '../locks.ts';
import { flagsOf, ONE_TARGET } from '../publish-flags.ts';
import type { PublishRequest, UnpublishRequest } from '../requests.ts';
import { readMount } from './place.ts';
import { isMountOf } from './stage.ts';

/** NodePublishVolume: binds what is staged on the target path, read-only from the first moment where asked. The server is not asked. */
export async function publishNfs(context: Context, request: PublishRequest): Promise<void> {
  const { volumeId } = request;
  const { place } = readMount(request);
  await withLocks(context.locks, `NodePublishVolume ${volumeId}`, [lockKey.id(volumeId)], async () => {
    const { host } = context;
    if (request.stagingPath === undefined) {
      // CSI, "NodePublishVolume Errors": Staging target path not set
      throw new StowageError('precondition', 'staging_target_path is not set; the volume must be staged first');
    }
    const [stagingPath, target] = await Promise.all([
      host.files.resolveParent(request.stagingPath),
      host.files.resolveParent(request.targetPath),
    ]);
    const table = await host.mounts.table();
    const source = stagedAt(stagingPath);
    const staged = table.at(source);
    if (staged === undefined || !isMountOf(place, staged)) {
      throw new StowageError(
        'precondition',
        `volume ${volumeId} is not staged at ${request.stagingPath}; call NodeStageVolume first`,
      );
    }
    const flags = flagsOf(request);
    const there = table.at(target);
    if (there !== undefined && isMountOf(place, there) && there.device !== staged.device) {
      await unpublishMount(host, target); // of an earlier attachment: NodeStageVolume has replaced what it was bound from
    } else if (there !== undefined) {
      if (isMountOf(place, there) && hasFlags(there, flags)) return;
      throw new StowageError(
        'already-exists',
        `${request.targetPath} is the mount point of ${there.source} already, ${there.options.includes('ro') ? 'read-only' : 'writable'}; unpublish that first`,
      );
    }
    const ours = [source, target];
    const other = table.entries.find((mount) => !ours.includes(mount.mountPoint) && isMountOf(place, mount));
    if (other !== undefined && ONE_TARGET.includes(request.capability.mode)) {
      throw new StowageError(
        'precondition',
        `volume ${volumeId} is published at ${other.mountPoint} already, and access_mode ${request.capability.mode} allows one target; unpublish that first`,
      );
    }
    await publishMount(host, source, target, 'folder', flags);
  });
}

/** NodeUnpublishVolume: needs neither a record nor the server; what is not there is fine. */
export async function unpublishNfs(context: Context, { volumeId, targetPath }: UnpublishRequest): Promise<void> {
  await withLocks(context.locks, `NodeUnpublishVolume ${volumeId}`, [lockKey.id(volumeId)], async () => {
    const target = await context.host.files.resolveParent(targetPath);
    const there = (await context.host.mounts.table()).at(target);
    if (there !== undefined && !isNfs(there)) {
      throw new StowageError(
        'precondition',
        `${targetPath} is the mount point of ${there.source}, no NFS share; it is left alone`,
      );
    }
    await unpublishMount(context.host, target);
  });
}
