import { dirname, join } from 'node:path';
import type { Opened } from '../backends/backend.ts';
import { StowageError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { MountEntry } from '../host/mounts.ts';
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
 * Makes an opened volume usable at its staging path: see mountOpened.
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
  const there = (await host.mounts.table()).at(stagingPath);
  if (there !== undefined) throw occupied(there, opened);
  return mountOpened(host, opened, stagedAt(stagingPath), mountFlags, signal);
}

/**
 * Mounts the device's file system at `target`, binds the folder there, or the device's node. What is needed to mount on is made.
 * @returns false where it is there already
 * @throws 'already-exists' where another thing is mounted there
 */
export async function mountOpened(
  host: Host,
  opened: Opened,
  target: string,
  mountFlags: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const table = await host.mounts.table();
  const there = table.at(target);
  if (there !== undefined) {
    if (isMountOf(await markOf(host, opened, table), there)) return false;
    throw occupied(there, opened);
  }
  const { perMount, superblock } = splitFlags(mountFlags);
  if (opened.type === 'folder') {
    await host.files.makeFolders(target);
    await host.mounts.bind(opened.path, target, perMount);
  } else if (opened.fsType === undefined) {
    await host.files.makeFolders(dirname(target));
    await host.files.touch(target);
    await host.mounts.bind(opened.path, target, []);
  } else {
    await host.files.makeFolders(target);
    const options = [...new Set([...opened.mountOptions, ...perMount, ...superblock])];
    await host.mounts.mountDevice(opened.path, target, opened.fsType, options, signal);
  }
  return true;
}

function occupied(there: MountEntry, opened: Opened): StowageError {
  return new StowageError(
    'already-exists',
    `${there.mountPoint} is the mount point of ${there.source} already, not of ${opened.path}; unstage that first`,
  );
}

/** Undoes stage, for any kind of volume, also where the volume is not known any more. Nothing where nothing is staged there. */
export async function unstage(host: Host, stagingPath: string, signal: AbortSignal): Promise<void> {
  const target = stagedAt(stagingPath);
  await unmountOpened(host, target, signal);
  await removeMountPoint(host, target);
}

/** Takes away the topmost mount at `target`, where there is one. */
export async function unmountOpened(host: Host, target: string, signal: AbortSignal): Promise<void> {
  const mount = (await host.mounts.table()).at(target);
  if (mount === undefined) return;
  // A bind goes at once; a device's last mount writes back first, in a child that may be waited for.
  if (mount.source.startsWith('/dev/') && mount.root === '/') await host.mounts.unmountDevice(target, signal);
  else await host.mounts.detach(target);
}

/** Takes away what stage made to mount on, also where an earlier call came no further than making or unmounting it. Nothing that holds anything. */
export async function removeMountPoint({ files }: Pick<Host, 'files'>, target: string): Promise<void> {
  const there = await files.stat(target);
  if (there?.type === 'folder') await files.removeFolder(target);
  else if (there?.type === 'file' && there.sizeBytes === 0) await files.removeFile(target);
}
