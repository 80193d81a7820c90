import type { Item } from '../backend.ts';
import type { BtrfsPool } from './context.ts';
import { qgroupOf } from './qgroup.ts';
import { subvolumesIn } from './remove.ts';

/** Makes the qgroup that a new volume will be counted to, with its limit: before the volume's first byte. */
export async function prepareQgroup({ btrfs, settings }: BtrfsPool, item: Item): Promise<number[]> {
  const group = qgroupOf(item);
  if (group === undefined) return [];
  await btrfs.createQgroup(settings.path, group);
  await btrfs.limitQgroup(settings.path, group, item.sizeBytes);
  return [group];
}

/**
 * Makes sure that a volume's limit is there, and that its subvolume and all within are counted to it: with full quotas one that a user makes
 * is not, with simple ones only one made by a program that asks for that (see the docs). @returns how many were not
 */
export async function holdVolume(pool: BtrfsPool, item: Item): Promise<number> {
  const { btrfs, settings } = pool;
  const group = qgroupOf(item);
  if (group === undefined) return 0;
  const root = await pool.places.at(item, btrfs.subvolume);
  if (root === undefined) return 0;
  const { status, byId } = await btrfs.qgroups(settings.path, group);
  if (status.mode === 'off') return 0;
  if (byId.get(group)?.limitBytes === undefined) await prepareQgroup(pool, item);
  const members = new Set(await btrfs.relations(settings.path, group));
  const ids = await subvolumesIn({ host: pool.host, poolPath: settings.path }, root.id);
  const escaped = ids.filter((id) => !members.has(id));
  for (const id of escaped) await btrfs.assignQgroup(settings.path, id, group);
  if (escaped.length > 0) {
    pool.recounts.due = true;
    await recount(pool);
  }
  return escaped.length;
}

/**
 * Full quotas are wrong after a snapshot or a new membership, and hold nobody until they have been counted anew; simple ones are never. A
 * snapshot taken while a count ends can leave them wrong without a word (Linux 6.18), so each is followed by a count that begins after it.
 */
export async function recount({ btrfs, settings, recounts }: BtrfsPool): Promise<void> {
  if (settings.quota === 'advisory') return;
  const { status } = await btrfs.qgroups(settings.path, 0);
  if (status.mode !== 'full' || status.rescanning || !(status.inconsistent || recounts.due)) return;
  recounts.due = false;
  await btrfs.startRescan(settings.path);
}
