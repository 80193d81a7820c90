import { messageOf, StowageError } from '../../errors.ts';
import { SECTOR_BYTES } from '../../host/disks.ts';
import type { Host } from '../../host/host.ts';
import type { MountEntry } from '../../host/mounts.ts';
import type { ImageContent, Item, VolumeUsage } from '../backend.ts';
import type { BoundedStatfs } from '../bounded-statfs.ts';
import { diskName, readSmall } from '../sysfs.ts';
import { parseSuperblock, SUPERBLOCK_BYTES } from './superblock.ts';

/**
 * The mount options for a device's file system. `discard` gives the space of deleted files back to the pool at once.
 * `nouuid` lets XFS mount a clone beside its source. ext4 stops writing at damage, as XFS always does, rather than making it worse.
 */
export function mountOptions(content: ImageContent, { discard }: { discard: boolean }): string[] {
  const own = { ext4: ['errors=remount-ro'], xfs: ['nouuid'] };
  if (content.type === 'block') return [];
  return discard ? [...own[content.fsType], 'discard'] : own[content.fsType];
}

/** Grows the mounted file system to its device; see Backend.grow. */
export async function growFileSystem(
  host: Host,
  item: Item,
  content: ImageContent,
  mountPoint: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (content.type === 'block' || mountPoint === undefined) return;
  const mount = (await host.mounts.table()).at(mountPoint);
  if (mount === undefined) throw notMounted(item, mountPoint);
  // A file system that is mounted read-only cannot grow, and needs to only when it is written to.
  if (mount.superOptions.includes('ro')) return;
  if (await fillsDevice(host, mount, content.fsType)) return;
  const [program, target] = content.fsType === 'xfs' ? ['xfs_growfs', mountPoint] : ['resize2fs', mount.source];
  try {
    await host.commands.run(program, [target], { signal });
  } catch (error) {
    throw explainNotPermitted(error, item);
  }
}

/**
 * True where the superblock on the device says so: at nearly every stage, which spares it a program. It may be older than what the kernel has in memory, and say less; the program
 * then does nothing.
 */
async function fillsDevice(host: Host, mount: MountEntry, fsType: 'ext4' | 'xfs'): Promise<boolean> {
  const disk = await diskName(host, mount.device);
  const sectors = Number(await readSmall(host, `/sys/dev/block/${mount.device}/size`));
  const start = disk && (await host.files.readStart(`/dev/${disk}`, SUPERBLOCK_BYTES));
  const found = start ? parseSuperblock(start, fsType) : undefined;
  return found !== undefined && sectors * SECTOR_BYTES - found.sizeBytes < found.blockSizeBytes;
}

/** What the file system in the volume says of itself at its staging path. 'precondition' where it is not mounted there. */
export async function fileSystemUsage(
  host: Host,
  statfs: BoundedStatfs,
  item: Item,
  mountPoint: string | undefined,
  signal: AbortSignal,
): Promise<VolumeUsage> {
  if (mountPoint === undefined || (await host.mounts.table()).at(mountPoint) === undefined) {
    throw notMounted(item, mountPoint ?? 'any path');
  }
  const found = await statfs(mountPoint, signal);
  return {
    bytes: {
      total: found.totalBytes,
      used: found.totalBytes - found.freeBytes,
      available: found.availableBytes,
    },
    inodes: {
      total: found.totalInodes,
      used: found.totalInodes - found.freeInodes,
      available: found.freeInodes,
    },
  };
}

/** The use of a raw block device, by what its pool has allocated for it. */
export function blockUsage(item: Item, allocatedBytes: number): VolumeUsage {
  const total = item.sizeBytes;
  const used = Math.min(allocatedBytes, total);
  return { bytes: { total, used, available: total - used }, inodes: undefined };
}

function notMounted(item: Item, mountPoint: string): StowageError {
  return new StowageError('precondition', `volume ${item.id} is not mounted at ${mountPoint}: stage it first`);
}

/** ext4 grows only for holders of CAP_SYS_RESOURCE, and only without errors (ext4_resize_begin in the kernel). */
function explainNotPermitted(error: unknown, item: Item): unknown {
  if (!messageOf(error).includes('Permission denied to resize')) return error;
  return new StowageError(
    'precondition',
    `volume ${item.id}: the kernel does not let its mounted ext4 file system grow: run the driver privileged (CAP_SYS_RESOURCE), and see the kernel log for errors of the file system`,
    { cause: error },
  );
}
