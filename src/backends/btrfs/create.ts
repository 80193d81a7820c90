import { StowageError } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { explainFull } from '../room.ts';
import type { BtrfsPool } from './context.ts';
import { holdVolume, prepareQgroup, recount } from './hold.ts';
import { qgroupOf } from './qgroup.ts';
import { sweepQgroups } from './sweep.ts';

/** Makes a volume's subvolume, empty or as a snapshot of the source, counted to its qgroup from the first byte; see Backend.create. */
export async function createVolume(
  pool: BtrfsPool,
  item: Item,
  source: Item | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (await isSubvolume(pool, item)) {
    await holdVolume(pool, item);
    return;
  }
  try {
    await pool.places.build(item, (path) => makeAt(pool, item, source, path), signal);
  } catch (error) {
    const group = qgroupOf(item);
    if (group !== undefined) pool.leftQgroups.add(group);
    await sweepQgroups(pool).catch((left: unknown) => {
      pool.log.warn(
        { item: item.id, error: String(left) },
        'the qgroup of a volume that was not made stays until later',
      );
    });
    throw explainFull(error, `making volume ${item.id}`);
  }
}

async function makeAt(pool: BtrfsPool, item: Item, source: Item | undefined, path: string): Promise<void> {
  const { host, btrfs, settings } = pool;
  const groups = await prepareQgroup(pool, item);
  for (const group of groups) pool.leftQgroups.delete(group); // a retry of one that failed
  if (source === undefined) {
    await btrfs.createSubvolume(path, groups);
    await host.files.chmod(path, settings.folderMode);
  } else {
    await needSource(pool, source);
    await pool.places.at(source, (from) => btrfs.snapshot(from, path, groups));
    pool.recounts.due = true;
  }
  await recount(pool);
}

/** Throws 'data-loss' where a source of a copy is not there. */
export async function needSource(pool: BtrfsPool, source: Item): Promise<void> {
  if (await isSubvolume(pool, source)) return;
  throw new StowageError(
    'data-loss',
    `${source.kind} ${source.id}: its subvolume ${pool.places.path(source)} is missing`,
  );
}

/** The inode number of every subvolume's root. */
export const ROOT_INODE = 256;

/** True if the item's subvolume is there; it is complete then. */
export async function isSubvolume({ host, places }: BtrfsPool, item: Item): Promise<boolean> {
  const found = await places.at(item, host.files.stat);
  return found?.type === 'folder' && found.inode === ROOT_INODE;
}
