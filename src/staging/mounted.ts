import { join, relative } from 'node:path';
import type { Opened } from '../backends/backend.ts';
import { StowageError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { MountEntry, MountTable } from '../host/mounts.ts';

/** A place within a mounted file system, as mountinfo names it. */
export interface Place {
  readonly device: string; // major:minor
  readonly root: string;
}

/** How the mounts of one opened volume are told from all others: the kernel is the truth, not what we remember. */
export interface MountMark {
  /** Where binds of it lead: a folder of the pool, or a device's node. */
  readonly place: Place;
  /** The block device's number, where it is one: mounts of the file system on it. */
  readonly blockDevice: string | undefined;
  /** A folder's own path: where a file system is mounted for the volume alone, that mount is the volume, not a use of it. */
  readonly home?: string;
}

/** Where in its file system a path lies; the path itself is not touched. */
export function placeOf(table: MountTable, path: string): Place {
  const mount = table.containing(path);
  return { device: mount.device, root: join(mount.root, relative(mount.mountPoint, path)) };
}

/** What to look for in the mount table. `opened.path` must be free of symbolic links. */
export async function markOf(host: Host, opened: Opened, table: MountTable): Promise<MountMark> {
  const place = placeOf(table, opened.path);
  if (opened.type === 'folder') return { place, blockDevice: undefined, home: opened.path };
  const node = await host.files.stat(opened.path);
  if (node?.type !== 'block') {
    throw new StowageError(
      'internal',
      `${opened.path} is ${node?.type ?? 'missing'}, not a block device; is /dev the host's?`,
    );
  }
  return { place, blockDevice: deviceNumber(node.rdev) };
}

/** True if this mount shows the volume itself, not a part of it. */
export function isMountOf(mark: MountMark, mount: MountEntry): boolean {
  if (mark.blockDevice !== undefined && mount.device === mark.blockDevice) return mount.root === '/';
  return mount.device === mark.place.device && mount.root === mark.place.root;
}

/** All mounts that show the volume or a part of it (kubelet binds sub-paths). */
export function mountsOf(mark: MountMark, table: MountTable): MountEntry[] {
  const { place, blockDevice, home } = mark;
  return table.entries.filter(
    (mount) =>
      (blockDevice !== undefined && mount.device === blockDevice) ||
      (mount.device === place.device && isWithin(mount.root, place.root) && mount.mountPoint !== home),
  );
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

/** dev_t as the C library packs it (makedev(3)) -> major:minor. */
export function deviceNumber(rdev: number): string {
  const low = rdev % 2 ** 32;
  const major = (low >>> 8) & 0xfff;
  const minor = (low & 0xff) | ((low >>> 12) & 0xfff00);
  return `${major}:${minor}`;
}
