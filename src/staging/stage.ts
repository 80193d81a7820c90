import { join } from 'node:path';
import type { Opened } from '../backends/backend.ts';
import { StowageError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { splitFlags } from './flags.ts';
import { isMountOf, markOf } from './mounted.ts';

const NAME = 'volume';

/**
 * Where a staged volume is mounted: beneath its staging path, a folder, since a raw block device's node is no folder. And the kubelet does not have a
 * volume unstaged while any other mount shows the same place of the same device as the staging path (its check GetDeviceMountRefs): a tmpfs where its
 * pool mounted it, a disk where the host did, or any other volume of the same NFS share, which for the kernel is one device with one root.
 */
export function stagedAt(stagingPath: string): string {
  return join(stagingPath, NAME);
}

/**
 * Makes an opened volume usable at its staging path: mounts the device's file system, binds the folder, or binds the device's node.
 * @returns false where it is there already
 * @throws 'already-exists' where another thing is mounted there
 */
export async function stage(
  host: Host,
  opened: Opened,
  stagingPath: string,
  mountFlags: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const target = stagedAt(stagingPath);
  const table = await host.mounts.table();
  const there = table.at(target) ?? table.at(stagingPath);
  if (there !== undefined) {
    if (isMountOf(await markOf(host, opened, table), there)) return false;
    throw new StowageError(
      'already-exists',
      `${there.mountPoint} is the mount point of ${there.source} already, not of ${opened.path}; unstage that first`,
    );
  }
  const isNode = opened.type === 'device' && opened.fsType === undefined;
  await host.files.makeFolders(isNode ? stagingPath : target);
  const { perMount, superblock } = splitFlags(mountFlags);
  if (opened.type === 'folder') {
    await host.mounts.bind(opened.path, target, perMount);
  } else if (opened.fsType === undefined) {
    await host.files.touch(target);
    await host.mounts.bind(opened.path, target, []);
  } else {
    const options = [...new Set([...opened.mountOptions, ...perMount, ...superblock])];
    await host.mounts.mountDevice(opened.path, target, opened.fsType, options, signal);
  }
  return true;
}

/** Undoes stage, for any kind of volume, also where the volume is not known any more. Nothing where nothing is staged there. */
export async function unstage(host: Host, stagingPath: string, signal: AbortSignal): Promise<void> {
  const target = stagedAt(stagingPath);
  const mount = (await host.mounts.table()).at(target);
  // A bind goes at once; a device's last mount writes back first, in a child that may be waited for.
  if (mount?.source.startsWith('/dev/') && mount.root === '/') await host.mounts.unmountDevice(target, signal);
  else if (mount !== undefined) await host.mounts.detach(target);
  await removeMountPoint(host, target);
}

/** Takes away what stage made to mount on, also where an earlier call came no further than making or unmounting it. Nothing that holds anything. */
export async function removeMountPoint({ files }: Pick<Host, 'files'>, target: string): Promise<void> {
  const there = await files.stat(target);
  if (there?.type === 'folder') await files.removeFolder(target);
  else if (there?.type === 'file' && there.sizeBytes === 0) await files.removeFile(target);
}
