import type { Item } from '../backend.ts';
import type { BtrfsPool } from './context.ts';
import { qgroupOf } from './qgroup.ts';

/** Whoever owns a volume's root may have made it read-only, which keeps it from being moved. A full one refuses also that change, so its limit goes. */
export async function makeMovable({ places, btrfs, settings }: BtrfsPool, item: Item): Promise<void> {
  const found = await places.at(item, btrfs.subvolume);
  if (found?.readOnly !== true) return;
  const group = qgroupOf(item);
  if (group !== undefined) await btrfs.limitQgroup(settings.path, group, undefined);
  await btrfs.makeWritable(settings.path, found.id);
}
