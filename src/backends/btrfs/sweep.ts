import type { Item } from '../backend.ts';
import type { BtrfsPool } from './context.ts';
import { createIsOfPool, isParent, qgroupOf } from './qgroup.ts';

/**
 * Removes qgroups whose subvolumes are gone. What still counts something stays until a later call: blocks are freed in the background, and
 * simple quotas count what a snapshot or clone shares to the volume that wrote it, also when that is gone. One look at the quota tree
 * tells most of them, which may be many: the kernel frees but every 30 seconds.
 */
export async function sweepQgroups(pool: BtrfsPool): Promise<void> {
  if (pool.leftQgroups.size === 0) return;
  const { byId } = await pool.btrfs.qgroups(pool.settings.path);
  const all = [...pool.leftQgroups];
  for (const id of [...all.filter((left) => !isParent(left)), ...all.filter(isParent)]) {
    const group = byId.get(id);
    if (group !== undefined && group.referencedBytes > 0) continue;
    if (group === undefined || (await removeQgroup(pool, id))) pool.leftQgroups.delete(id);
  }
}

/** Finds the qgroups of this pool that no record names: of volumes that were purged before. */
export async function findLeftQgroups(pool: BtrfsPool, items: readonly Item[]): Promise<void> {
  const used = new Set(items.map(qgroupOf));
  const isOfPool = await createIsOfPool(pool);
  const { byId } = await pool.btrfs.qgroups(pool.settings.path);
  for (const id of byId.keys()) if (!used.has(id) && isOfPool(id)) pool.leftQgroups.add(id);
}

async function removeQgroup({ btrfs, settings }: BtrfsPool, id: number): Promise<boolean> {
  const { path } = settings;
  if (!isParent(id)) return !(await btrfs.isKnown(path, id)) && btrfs.removeQgroup(path, id);
  for (const member of await btrfs.relations(path, id)) {
    if ((await btrfs.isKnown(path, member)) || !(await btrfs.removeQgroup(path, member))) return false;
  }
  return btrfs.removeQgroup(path, id);
}
