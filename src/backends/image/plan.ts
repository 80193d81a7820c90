import type { Item, Plan, Wish } from '../backend.ts';
import { copiedContent, leastBytes, newContent } from '../block/content.ts';
import { imageLayout } from '../layout.ts';
import { chooseSize } from '../sizes.ts';
import type { ImagePool } from './context.ts';

/** Chooses size, content and the device's block size; a copy takes content and block size from its source. See Backend.plan. */
export async function planImage(pool: ImagePool, wish: Wish): Promise<Plan> {
  const { settings } = pool;
  const content =
    wish.source === undefined
      ? newContent(wish, settings.fsType, 'image')
      : copiedContent(wish, wish.source, imageLayout(wish.source).content);
  const sourceBytes = wish.source === undefined ? 0 : await contentBytes(pool, wish.source);
  const sizeBytes = chooseSize(wish, { leastBytes: leastBytes(content), sourceBytes });
  const source = wish.source === undefined ? undefined : imageLayout(wish.source);
  // A clone shares its blocks with the source, so nothing is reserved in it.
  const preallocated = settings.preallocate && (source === undefined || !(await pool.canClone()));
  const blockSizeBytes = source?.blockSizeBytes ?? settings.blockSizeBytes;
  return { sizeBytes, layout: { backend: 'image', content, blockSizeBytes, preallocated } };
}

/** A snapshot's recorded size is what it takes; its content is as long as its file. */
async function contentBytes(pool: ImagePool, source: Item): Promise<number> {
  const file = await pool.places.at(source, (path) => pool.host.files.stat(path));
  if (file === undefined || source.kind === 'volume') return Math.max(source.sizeBytes, file?.sizeBytes ?? 0);
  return file.sizeBytes;
}
