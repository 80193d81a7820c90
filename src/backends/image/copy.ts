import { StowageError } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { imageLayout } from '../layout.ts';
import { MIB } from '../sizes.ts';
import type { ImagePool } from './context.ts';
import { quiesce, releaseAll } from './quiesce.ts';

/** Up to so many bytes, a mounted source may stay frozen while it is copied byte by byte (about a second). */
export const FROZEN_COPY_MAX_BYTES = 256 * MIB;

/**
 * Copies the item's file to `path`, as a clone where the pool can, at one moment of the source. Where it cannot, a source in use that
 * is too large to be held still, or cannot be held, is 'precondition'.
 */
export async function copyImage(pool: ImagePool, source: Item, path: string, signal: AbortSignal): Promise<void> {
  const clones = await pool.canClone();
  const quiet = await quiesce(pool, source, signal);
  try {
    if (clones) await cloneFile(pool, source, path);
    else {
      if (quiet.by !== 'idle') await checkHoldable(pool, source, quiet.by);
      await pool.places.at(source, (from) => pool.host.files.copy(from, path, signal));
    }
  } finally {
    await releaseAll(pool, [quiet]);
  }
}

export async function cloneFile(pool: ImagePool, source: Item, path: string): Promise<void> {
  await pool.places.at(source, (from) => pool.host.files.clone(from, path));
}

async function checkHoldable(pool: ImagePool, source: Item, by: 'freeze' | 'none'): Promise<void> {
  const file = await pool.places.at(source, (path) => pool.host.files.stat(path));
  const small = (file?.allocatedBytes ?? 0) <= FROZEN_COPY_MAX_BYTES;
  // Raw block without a mounted file system: fine where nobody has it open, which cannot be known; a torn copy is worse than none.
  if (by === 'freeze' && small) return;
  const why =
    by === 'none'
      ? 'a raw block device in use cannot be held still while it is copied'
      : `its ${file?.allocatedBytes} bytes would stay frozen while they are copied (at most ${FROZEN_COPY_MAX_BYTES} may)`;
  throw new StowageError(
    'precondition',
    `volume ${source.id} (${imageLayout(source).content.type}) is in use, and pool ${pool.settings.name} cannot clone files: ${why}. Stop the pods that use it first, or use a pool on XFS or btrfs, which clone at once`,
  );
}
