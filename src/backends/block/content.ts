import { StowageError } from '../../errors.ts';
import type { ImageContent, Item, Wish } from '../backend.ts';
import { MIB } from '../sizes.ts';

/** mkfs.xfs(8) refuses less than 300 MiB; ext4 has a journal from 8 MiB on. */
const LEAST_BYTES = { block: 4096, ext4: 16 * MIB, xfs: 300 * MIB } as const;

/** The smallest device for this content. */
export function leastBytes(content: ImageContent): number {
  return content.type === 'block' ? LEAST_BYTES.block : LEAST_BYTES[content.fsType];
}

/** The content of a new, empty volume. 'invalid' for a file system type that no block device gets here. */
export function newContent(wish: Wish, defaultFsType: 'ext4' | 'xfs', backend: string): ImageContent {
  if (wish.access.type === 'block') return { type: 'block' };
  const fsType = wish.access.fsType || defaultFsType;
  if (fsType === 'ext4' || fsType === 'xfs') return { type: 'mount', fsType };
  throw new StowageError('invalid', `fs type ${fsType} was asked for, but ${backend} volumes can be ext4 or xfs`);
}

/** The content of a copy: its source's. 'invalid' where another was asked for. */
export function copiedContent(wish: Wish, source: Item, content: ImageContent): ImageContent {
  const asked = wish.access.type === 'block' ? 'block' : wish.access.fsType || 'mount';
  const fits = content.type === 'block' ? asked === 'block' : asked === 'mount' || asked === content.fsType;
  if (fits) return content;
  const found = content.type === 'block' ? 'a raw block device' : `an ${content.fsType} file system`;
  throw new StowageError(
    'invalid',
    `${source.kind} ${source.id} holds ${found}: a volume from it cannot be made as ${asked === 'block' ? 'a raw block device' : asked}`,
  );
}
