import type { Item } from '../backend.ts';
import { parseSuperblock } from '../block/superblock.ts';
import { mountedProblem } from '../health.ts';
import { imageLayout } from '../layout.ts';
import { findAttached } from './attached.ts';
import type { ImagePool } from './context.ts';

/**
 * Words for what is wrong with the item's file, or with the file system in it while that is mounted, and what to do; undefined where nothing is.
 */
export async function imageCondition(pool: ImagePool, item: Item): Promise<string | undefined> {
  const path = pool.places.path(item);
  const file = await pool.places.at(item, (safePath) => pool.host.files.stat(safePath));
  const restore = 'restore it from a snapshot or a backup';
  if (file === undefined) return `its file ${path} is missing: ${restore}`;
  if (file.type !== 'file') return `${path} is a ${file.type}, not a file: ${restore}`;
  if (item.kind === 'volume' && file.sizeBytes < item.sizeBytes) {
    return `its file ${path} has ${file.sizeBytes} bytes, not ${item.sizeBytes}: it was truncated; stop the volume's pods, and ${restore}`;
  }
  // Side by side: reads take turns, and the devices are best asked for many volumes at once.
  const [overwritten, attached] = await Promise.all([overwrittenAs(pool, item), findAttached(pool, item)]);
  if (overwritten !== undefined) {
    return `its file ${path} does not begin with an ${overwritten} file system any more: it was overwritten; stop the volume's pods, and ${restore}`;
  }
  return mountedProblem(pool.host, attached?.mounts ?? []);
}

/** The type of the file system that the file should hold and does not; undefined where it does, or holds a raw block volume. */
async function overwrittenAs({ readStart }: ImagePool, item: Item): Promise<string | undefined> {
  const { content } = imageLayout(item);
  if (content.type === 'block') return undefined;
  const start = await readStart(item);
  return start && parseSuperblock(start, content.fsType) ? undefined : content.fsType;
}
