import type { LoopDevice } from '../../host/loop.ts';
import type { MountEntry } from '../../host/mounts.ts';
import type { Item } from '../backend.ts';
import type { ImagePool } from './context.ts';

/** The item's loop device and where it is mounted, in the order of the mount table: staged before published. */
export interface Attached {
  readonly device: LoopDevice;
  readonly mounts: readonly MountEntry[];
}

/** How the item is in use on this node; undefined where no loop device has its file. */
export async function findAttached(pool: ImagePool, item: Item): Promise<Attached | undefined> {
  const device = await pool.places.at(item, (path) => pool.host.loops.find(path));
  if (device === undefined) return undefined;
  return { device, mounts: await mountsOf(pool, device) };
}

export async function mountsOf(pool: ImagePool, device: LoopDevice): Promise<MountEntry[]> {
  const { entries } = await pool.host.mounts.table();
  // A raw block volume is a bind of the device's node: that lies on devtmpfs, so it is no mount of this device.
  return entries.filter((entry) => entry.device === device.number);
}
