import { join } from 'node:path';
import { isStowageError, StowageError } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { diskLayout } from '../layout.ts';
import { CLAIM_SUFFIX, type Claim, readClaim } from './claim.ts';
import { whyFailing } from './condition.ts';
import type { DiskPool } from './context.ts';
import { type Located, locate } from './locate.ts';
import { wipeDevice } from './wipe-device.ts';
import { wipeFolder } from './wipe-folder.ts';

/**
 * Wipes the disk that the claim in the trash names, then gives it back by removing the claim; see Backend.purge. A disk that is missing, that
 * another one has taken the place of, or that answers with errors stays claimed.
 */
export async function purgeDisk(pool: DiskPool, item: Item, signal: AbortSignal): Promise<void> {
  const claim = item.kind === 'volume' ? await readClaim(pool, item, '.stowage/trash') : undefined;
  if (claim !== undefined) {
    const located = await locateUsed(pool, item, claim);
    if (located?.type === 'folder') await wipeFolder(pool, item, located.mount, signal);
    if (located?.type === 'device') {
      await wipeDevice(pool, item, claim, located.disk, signal);
      const after = (await pool.host.disks.find(located.disk.path)) ?? located.disk;
      const failing = await whyFailing(pool, after, claim.errorCount);
      if (failing !== undefined) throw kept(pool, item, failing);
    }
  }
  await pool.places.purge(item, signal);
  pool.verdicts.forget();
}

/** The disk to wipe, of which the claim in the trash is; undefined for a file system that did not come as far as getting its marker. */
export async function locateUsed(pool: DiskPool, item: Item, claim: Claim): Promise<Located | undefined> {
  try {
    return await locate(pool, item);
  } catch (error) {
    const isUntouched = claim.phase === 'preparing' && diskLayout(item).content.type === 'folder';
    if (isUntouched && isStowageError(error, 'unavailable')) return undefined;
    if (!isStowageError(error)) throw error;
    const remedy = `it is not wiped. Where the disk is gone for good, remove ${claimPath(pool, item)}`;
    throw new StowageError(error.code, `${error.message}; ${remedy}`, { cause: error });
  }
}

function kept(pool: DiskPool, item: Item, failing: string): StowageError {
  return new StowageError(
    'unavailable',
    `the disk of volume ${item.id} is wiped, but not given to another volume: ${failing}. Replace it; to use it all the same, remove ${claimPath(pool, item)}`,
  );
}

function claimPath(pool: DiskPool, item: Item): string {
  return join(pool.settings.path, '.stowage/trash', item.folder + CLAIM_SUFFIX);
}
