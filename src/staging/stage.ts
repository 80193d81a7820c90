import { join } from 'node:path';
import type { Opened } from '../backends/backend.ts';
import { StowageError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { splitFlags } from './flags.ts';
import { isMountOf, markOf } from './mounted.ts';

/** The name of a raw block device's node beneath its staging path, which is a folder. */
export const NODE_NAME = 'device';

/** Where a staged volume is mounted: the staging path, or the device's node beneath it. */
export function stagedAt(opened: Opened, stagingPath: string): string {
  return opened.type === 'device' && opened.fsType === undefined ? join(stagingPath, NODE_NAME) : stagingPath;
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
  const target = stagedAt(opened, stagingPath);
  const table = await host.mounts.table();
  const there = table.at(target);
  if (there !== undefined) {
    if (isMountOf(await markOf(host, opened, table), there)) return false;
    throw new StowageError(
      'already-exists',
      `${target} is the mount point of ${there.source} already, not of ${opened.path}; unstage that first`,
    );
  }
  await host.files.makeFolders(stagingPath);
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

/** Undoes stage, for any kind of volume, also where the volume is not known any more. Nothing where nothing is mounted there. */
export async function unstage(host: Host, stagingPath: string, signal: AbortSignal): Promise<void> {
  const node = join(stagingPath, NODE_NAME);
  const table = await host.mounts.table();
  if (table.at(node) !== undefined) await host.mounts.detach(node);
  const mount = table.at(stagingPath);
  if (mount === undefined) {
    await host.files.removeFile(node); // also where an earlier call came no further than unmounting it
    return;
  }
  // A bind goes at once; a device's last mount writes back first, in a child that may be waited for.
  if (mount.source.startsWith('/dev/') && mount.root === '/') await host.mounts.unmountDevice(stagingPath, signal);
  else await host.mounts.detach(stagingPath);
}
