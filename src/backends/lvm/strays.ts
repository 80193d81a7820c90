import type { Item } from '../backend.ts';
import type { LvmPool } from './context.ts';
import { isArchiveName, isOurName, keyOf, lvNames } from './names.ts';
import type { LogicalVolume } from './report.ts';

/** True of a logical volume with our tag that is this pool's: by name and thin pool as well, since another pool of ours may be in the same group. */
export function isOfPool({ settings }: LvmPool, { name, thinPool }: LogicalVolume): boolean {
  return isOurName(name) && thinPool === settings.thinPool;
}

/** The logical volumes of this pool that are none of these items', but for archives, which people keep; see Backend.strays. */
export async function strayVolumes(pool: LvmPool, items: readonly Item[]): Promise<readonly string[]> {
  const keys = new Set(items.map((item) => keyOf(lvNames(item).live)));
  const { own } = await pool.group.report();
  const ours = [...own.values()].filter((volume) => isOfPool(pool, volume) && !isArchiveName(volume.name));
  return ours.filter(({ name }) => !keys.has(keyOf(name))).map(({ name }) => `${pool.settings.volumeGroup}/${name}`);
}
