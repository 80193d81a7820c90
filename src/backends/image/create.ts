import { StowageError } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { format } from '../block/format.ts';
import { imageLayout } from '../layout.ts';
import { explainFull } from '../room.ts';
import type { ImagePool } from './context.ts';
import { copyImage } from './copy.ts';

/** Makes the item's file, new or as a copy of the source; see Backend.create. */
export async function createImage(
  pool: ImagePool,
  item: Item,
  source: Item | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (await isImage(pool, item)) return;
  const make = (path: string) =>
    source === undefined ? makeNew(pool, item, path, signal) : makeFrom(pool, source, item, path, signal);
  try {
    await pool.places.build(item, make, signal);
  } catch (error) {
    throw explainFull(error, `making ${item.kind} ${item.id} in pool ${pool.settings.name}`);
  }
}

/** True if the item's file is there; it is complete then. */
export async function isImage(pool: ImagePool, item: Item): Promise<boolean> {
  const found = await pool.places.at(item, (path) => pool.host.files.stat(path));
  return found?.type === 'file';
}

/** Throws 'data-loss' where the item's file is missing. */
export async function requireImage(pool: ImagePool, item: Item): Promise<void> {
  if (await isImage(pool, item)) return;
  throw new StowageError('data-loss', `${item.kind} ${item.id}: its file ${pool.places.path(item)} is missing`);
}

async function makeNew(pool: ImagePool, item: Item, path: string, signal: AbortSignal): Promise<void> {
  const { files, commands } = pool.host;
  const layout = imageLayout(item);
  await files.createSparse(path, item.sizeBytes);
  if (layout.preallocated) await files.allocate(path, item.sizeBytes, signal);
  await format(commands, layout.content, { zeroed: true, sectorBytes: layout.blockSizeBytes }, path, signal);
  await files.sync(path);
}

/** The file system in a larger copy is grown when it is first mounted, since only a mounted one can be. */
async function makeFrom(pool: ImagePool, source: Item, item: Item, path: string, signal: AbortSignal): Promise<void> {
  const { files } = pool.host;
  await requireImage(pool, source);
  await copyImage(pool, source, path, signal);
  const copied = await files.stat(path);
  if (copied !== undefined && copied.sizeBytes < item.sizeBytes) await files.grow(path, item.sizeBytes);
  if (imageLayout(item).preallocated) await files.allocate(path, item.sizeBytes, signal);
}
