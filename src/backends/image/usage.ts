import type { Item, PoolCapacity, VolumeUsage } from '../backend.ts';
import { blockUsage, fileSystemUsage } from '../block/mounted.ts';
import type { BoundedStatfs } from '../bounded-statfs.ts';
import { imageLayout } from '../layout.ts';
import type { ImagePool } from './context.ts';

/** How many files are asked for at once. */
const BATCH = 64;

/** What the file system in the volume says of itself at its staging path, or, for raw block, what the file has allocated. */
export async function imageUsage(
  pool: ImagePool,
  statfs: BoundedStatfs,
  item: Item,
  mountPoint: string | undefined,
  signal: AbortSignal,
): Promise<VolumeUsage> {
  if (imageLayout(item).content.type !== 'block') return fileSystemUsage(pool.host, statfs, item, mountPoint, signal);
  return blockUsage(item, await allocatedBytes(pool, item));
}

/** The pool's room, and what its files have allocated (blocks that clones share are counted in each). */
export async function imageCapacity(pool: ImagePool, items: readonly Item[]): Promise<PoolCapacity> {
  const found = await pool.host.files.statfs(pool.settings.path);
  let usedByVolumesBytes = 0;
  for (let start = 0; start < items.length; start += BATCH) {
    const sizes = await Promise.all(items.slice(start, start + BATCH).map((item) => allocatedBytes(pool, item)));
    usedByVolumesBytes += sizes.reduce((sum, bytes) => sum + bytes, 0);
  }
  return { totalBytes: found.totalBytes, freeBytes: found.availableBytes, usedByVolumesBytes };
}

/** What the item's file has allocated of its length (file systems count a few blocks of their own, too); 0 where it is missing. */
export async function allocatedBytes(pool: ImagePool, item: Item): Promise<number> {
  const file = await pool.places.at(item, (path) => pool.host.files.stat(path));
  return file === undefined ? 0 : Math.min(file.allocatedBytes, file.sizeBytes);
}
