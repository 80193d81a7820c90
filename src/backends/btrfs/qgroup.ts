import { createHash, randomInt } from 'node:crypto';
import { StowageError } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { btrfsLayout } from '../layout.ts';
import type { BtrfsPool } from './context.ts';

/** A qgroup's id is its level and a number of 48 bits. */
const LEVEL_1 = 2 ** 48;
/** The upper part of that number tells the pool; the rest is drawn at random: an id that a pod can guess it could write to. */
const RANDOM_RANGE = 2 ** 32;

const ATTEMPTS_MAX = 16;

/** The qgroup of level 1 that holds a volume and what lies within; undefined for snapshots and where sizes are advisory. */
export function qgroupOf(item: Item): number | undefined {
  if (item.kind !== 'volume') return undefined;
  const { qgroupId } = btrfsLayout(item);
  return qgroupId === undefined ? undefined : LEVEL_1 + qgroupId;
}

/** How people and `btrfs qgroup show` write a qgroup's id: 1/42. */
export function showQgroup(id: number): string {
  return `${Math.floor(id / LEVEL_1)}/${id % LEVEL_1}`;
}

/** True for a qgroup of level 1, which stands for no subvolume. */
export function isParent(id: number): boolean {
  return id >= LEVEL_1;
}

/** @returns a function that is true for qgroups made by this pool, and not by another one of the same file system or by people */
export async function createIsOfPool(pool: BtrfsPool): Promise<(id: number) => boolean> {
  const tag = await poolTag(pool);
  return (id) => isParent(id) && Math.floor((id - LEVEL_1) / RANDOM_RANGE) === tag;
}

/** Draws the number of a new qgroup of level 1 that is neither in the quota tree nor planned. Throws 'internal' where all draws are taken. */
export async function pickQgroupId(pool: BtrfsPool, items: readonly Item[]): Promise<number> {
  const planned = new Set(items.map(qgroupOf));
  const tag = await poolTag(pool);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const number = tag * RANDOM_RANGE + randomInt(1, RANDOM_RANGE);
    const id = LEVEL_1 + number;
    if (planned.has(id)) continue;
    const { byId } = await pool.btrfs.qgroups(pool.settings.path, id);
    if (!byId.has(id)) return number;
  }
  throw new StowageError(
    'internal',
    `no free qgroup id found on ${pool.settings.path} in ${ATTEMPTS_MAX} draws: look at 'btrfs qgroup show' for what uses them`,
  );
}

/** 16 bits, not all zero, from where the pool's folder lies: the same after a rename or a reboot. */
async function poolTag({ settings, host, btrfs }: BtrfsPool): Promise<number> {
  const [tree, stat] = [await btrfs.subvolumeIdAt(settings.path), await host.files.stat(settings.path)];
  const digest = createHash('sha256').update(`${tree}/${stat?.inode}`).digest();
  return digest.readUInt16LE(0) || 1;
}
