import { StowageError } from '../../errors.ts';
import type { Item, VolumeUsage } from '../backend.ts';
import { diskLayout } from '../layout.ts';
import type { DiskPool } from './context.ts';
import { locate } from './locate.ts';

/** What the volume's file system says of itself. Of a raw block device nobody knows what is used: none is reported. */
export async function diskUsage(
  pool: DiskPool,
  item: Item,
  mountPoint: string | undefined,
  signal: AbortSignal,
): Promise<VolumeUsage> {
  if (diskLayout(item).content.type === 'block') {
    return { bytes: { total: item.sizeBytes, used: 0, available: item.sizeBytes }, inodes: undefined };
  }
  const found = await pool.statfs(await pathOf(pool, item, mountPoint), signal);
  const used = { bytes: found.totalBytes - found.freeBytes, inodes: found.totalInodes - found.freeInodes };
  return {
    bytes: { total: found.totalBytes, used: used.bytes, available: found.availableBytes },
    inodes: { total: found.totalInodes, used: used.inodes, available: found.freeInodes },
  };
}

async function pathOf(pool: DiskPool, item: Item, mountPoint: string | undefined): Promise<string> {
  const located = await locate(pool, item);
  if (located.type === 'folder') return located.mount.mountPoint;
  if (mountPoint !== undefined && (await pool.host.mounts.table()).at(mountPoint) !== undefined) return mountPoint;
  throw new StowageError(
    'precondition',
    `volume ${item.id} is not mounted at ${mountPoint ?? 'any path'}: stage it first`,
  );
}
