import type { Item } from '../backend.ts';
import { stoppedWriting } from '../block/mounted.ts';
import { findAttached } from './attached.ts';
import type { ImagePool } from './context.ts';

/** Words for what is wrong with the item's file or the file system in it, while that is mounted; undefined where nothing is. */
export async function imageCondition(pool: ImagePool, item: Item): Promise<string | undefined> {
  const path = pool.places.path(item);
  const file = await pool.places.at(item, (safePath) => pool.host.files.stat(safePath));
  if (file === undefined) return `its file ${path} is missing`;
  if (file.type !== 'file') return `${path} is a ${file.type}, not a file`;
  if (item.kind === 'volume' && file.sizeBytes < item.sizeBytes) {
    return `its file ${path} has ${file.sizeBytes} bytes, not ${item.sizeBytes}: it was truncated`;
  }
  return stoppedWriting((await findAttached(pool, item))?.mounts ?? []);
}
