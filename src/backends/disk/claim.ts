import { join } from 'node:path';
import * as z from 'zod/mini';
import { messageOf, StowageError } from '../../errors.ts';
import { isTemporary } from '../../host/files.ts';
import type { Item } from '../backend.ts';
import { diskLayout } from '../layout.ts';
import type { PlaceName } from '../places.ts';
import type { DiskPool } from './context.ts';

/** The names of claims end so. */
export const CLAIM_SUFFIX = '.disk';

const MAX_CLAIM_BYTES = 8192;
const count = z.number().check(z.int(), z.nonnegative());

const schema = z.object({
  schema: z.literal(1),
  item: z.string(),
  disk: z.string(),
  sizeBytes: count,
  /** preparing: nothing of a user is on the disk yet; ready: the volume is there; wiping: so many bytes of it are gone. */
  phase: z.enum(['preparing', 'ready', 'wiping']),
  fsUuid: z.optional(z.string()), // of the file system that we made
  errorCount: count, // what the kernel had counted when the disk was taken
  wiped: z.optional(z.object({ how: z.enum(['discard', 'zero']), bytes: count })),
});

/** Says durably that a disk is a volume's: written before the first byte on the disk, removed after the last one is gone. */
export type Claim = Readonly<z.infer<typeof schema>>;

/** Where claims can lie; a disk is taken wherever its claim is. */
const PLACES = ['volumes', '.stowage/trash', 'archive'] as const;

/** The item's claim at that place; undefined where there is none. Throws 'data-loss' for a damaged one, or one of another disk or volume. */
export async function readClaim(
  pool: DiskPool,
  item: Item,
  place: 'volumes' | '.stowage/trash' = 'volumes',
): Promise<Claim | undefined> {
  const claim = await within(pool, place, (folder) => readFile(pool, join(folder, nameOf(item))));
  if (claim === undefined) return undefined;
  const { disk } = diskLayout(item);
  if (claim.disk === disk && claim.item === item.id) return claim;
  throw new StowageError(
    'data-loss',
    `${place}/${nameOf(item)} of pool ${pool.settings.name} claims ${claim.disk} for ${claim.item}, but volume ${item.id} is on ${disk}: restore the file or its record`,
  );
}

export function writeClaim(
  pool: DiskPool,
  item: Item,
  claim: Claim,
  place: 'volumes' | '.stowage/trash' = 'volumes',
): Promise<void> {
  return within(pool, place, (folder) =>
    pool.host.files.writeDurably(join(folder, nameOf(item)), `${JSON.stringify(claim)}\n`),
  );
}

export function removeClaim(pool: DiskPool, item: Item): Promise<void> {
  return within(pool, 'volumes', (folder) => pool.host.files.removeDurably(join(folder, nameOf(item))));
}

/** All claims of the pool, also those that no record names. One that cannot be read is logged. */
export async function allClaims(pool: DiskPool): Promise<Claim[]> {
  const claims: Claim[] = [];
  for (const place of PLACES) {
    await within(pool, place, async (folder) => {
      const names = (await pool.host.files.list(folder)).filter((name) => name.endsWith(CLAIM_SUFFIX));
      for (const name of names) {
        try {
          const claim = await readFile(pool, join(folder, name));
          if (claim !== undefined) claims.push(claim);
        } catch (error) {
          pool.log.error(
            { pool: pool.settings.name, claim: `${place}/${name}`, error: messageOf(error) },
            'a claim cannot be read',
          );
        }
      }
    });
  }
  return claims;
}

/** Removes what a process left that died while it wrote a claim. */
export async function removeTemporaryClaims(pool: DiskPool): Promise<void> {
  for (const place of PLACES) {
    await within(pool, place, async (folder) => {
      for (const name of await pool.host.files.list(folder)) {
        if (isTemporary(name)) await pool.host.files.removeFile(join(folder, name));
      }
    });
  }
}

function nameOf(item: Item): string {
  return item.folder + CLAIM_SUFFIX;
}

async function readFile(pool: DiskPool, path: string): Promise<Claim | undefined> {
  const text = await pool.host.files.read(path, MAX_CLAIM_BYTES);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new StowageError('data-loss', `claim ${path} is damaged: ${messageOf(error)}`, { cause: error });
  }
}

async function within<T>(pool: DiskPool, place: PlaceName, use: (folder: string) => Promise<T>): Promise<T> {
  const handle = await pool.host.files.openFolder(pool.settings.path, place);
  try {
    return await use(handle.path);
  } finally {
    await handle.close();
  }
}
