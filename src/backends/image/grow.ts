import { StowageError } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { imageLayout } from '../layout.ts';
import { explainFull } from '../room.ts';
import { roundUp } from '../sizes.ts';
import type { ImagePool } from './context.ts';

/** Makes the file larger, and its loop device where it is attached; see Backend.expand. */
export async function expandImage(pool: ImagePool, item: Item, sizeBytes: number, signal: AbortSignal): Promise<void> {
  const { files, loops } = pool.host;
  const wanted = roundUp(sizeBytes);
  await pool.places.at(item, async (path) => {
    const file = await files.stat(path);
    if (file?.type !== 'file') {
      throw new StowageError('data-loss', `volume ${item.id}: its file ${pool.places.path(item)} is missing`);
    }
    try {
      if (imageLayout(item).preallocated) await files.allocate(path, Math.max(wanted, file.sizeBytes), signal);
      if (file.sizeBytes < wanted) await files.grow(path, wanted);
    } catch (error) {
      throw explainFull(error, `growing volume ${item.id} to ${wanted} bytes`);
    }
    // Also where the file is that large: the process may have died between the two.
    if ((await loops.find(path)) !== undefined) await loops.resize(path);
  });
}
