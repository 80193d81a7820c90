import { StowageError } from '../../errors.ts';
import type { ImageContent, Item, Plan, Wish } from '../backend.ts';
import { imageLayout } from '../layout.ts';
import { chooseSize, MIB } from '../sizes.ts';
import type { ImagePool } from './context.ts';

/** mkfs.xfs(8) refuses less than 300 MiB; ext4 has a journal from 8 MiB on. */
const LEAST_BYTES = { block: 4096, ext4: 16 * MIB, xfs: 300 * MIB } as const;

/** Chooses size, content and the device's block size; a copy takes content and block size from its source. See Backend.plan. */
export async function planImage(pool: ImagePool, wish: Wish): Promise<Plan> {
  const { settings } = pool;
  const content = wish.source === undefined ? newContent(pool, wish) : copiedContent(wish, wish.source);
  const leastBytes = content.type === 'block' ? LEAST_BYTES.block : LEAST_BYTES[content.fsType];
  const sourceBytes = wish.source === undefined ? 0 : await contentBytes(pool, wish.source);
  const sizeBytes = chooseSize(wish, { leastBytes, sourceBytes });
  const source = wish.source === undefined ? undefined : imageLayout(wish.source);
  // A clone shares its blocks with the source, so nothing is reserved in it.
  const preallocated = settings.preallocate && (source === undefined || !(await pool.canClone()));
  const blockSizeBytes = source?.blockSizeBytes ?? settings.blockSizeBytes;
  return { sizeBytes, layout: { backend: 'image', content, blockSizeBytes, preallocated } };
}

function newContent(pool: ImagePool, wish: Wish): ImageContent {
  if (wish.access.type === 'block') return { type: 'block' };
  const fsType = wish.access.fsType || pool.settings.fsType;
  if (fsType === 'ext4' || fsType === 'xfs') return { type: 'mount', fsType };
  throw new StowageError('invalid', `fs type ${fsType} was asked for, but image volumes can be ext4 or xfs`);
}

function copiedContent(wish: Wish, source: Item): ImageContent {
  const { content } = imageLayout(source);
  const asked = wish.access.type === 'block' ? 'block' : wish.access.fsType || 'mount';
  const fits = content.type === 'block' ? asked === 'block' : asked === 'mount' || asked === content.fsType;
  if (fits) return content;
  const found = content.type === 'block' ? 'a raw block device' : `an ${content.fsType} file system`;
  throw new StowageError(
    'invalid',
    `${source.kind} ${source.id} holds ${found}: a volume from it cannot be made as ${asked === 'block' ? 'a raw block device' : asked}`,
  );
}

/** A snapshot's recorded size is what it takes; its content is as long as its file. */
async function contentBytes(pool: ImagePool, source: Item): Promise<number> {
  const file = await pool.places.at(source, (path) => pool.host.files.stat(path));
  if (file === undefined || source.kind === 'volume') return Math.max(source.sizeBytes, file?.sizeBytes ?? 0);
  return file.sizeBytes;
}
