import { isStowageError } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { allClaims, readClaim } from './claim.ts';
import type { DiskPool } from './context.ts';
import { locate } from './locate.ts';
import { locateUsed } from './purge.ts';

/** Why the disk of an item that has one is not to be seen: missing, silent, or another one in its place; see Backend.away. */
export async function whyDiskAway(pool: DiskPool, item: Item): Promise<string | undefined> {
  const inTrash = item.leaving === true ? await readClaim(pool, item, '.stowage/trash') : undefined;
  if (inTrash !== undefined) return refusalOf(() => locateUsed(pool, item, inTrash));
  if ((await allClaims(pool)).every((claim) => claim.item !== item.id)) return undefined;
  const refusal = await refusalOf(() => locate(pool, item));
  return refusal && `${refusal}, or, where that is gone for good, delete the volume`;
}

async function refusalOf(find: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await find();
    return undefined;
  } catch (error) {
    if (isStowageError(error)) return error.message;
    throw error;
  }
}
