import type { Item } from '../backend.ts';
import { roundUp } from '../sizes.ts';
import type { LvmPool } from './context.ts';
import { requireThere } from './create.ts';
import { requireRoom } from './limits.ts';
import { lvNames } from './names.ts';
import { sizeStepBytes } from './plan.ts';

/** Makes the logical volume larger, mounted or not; see Backend.expand. */
export async function expandVolume(pool: LvmPool, item: Item, sizeBytes: number, signal: AbortSignal): Promise<void> {
  const report = await pool.group.report();
  requireThere(pool, report, item);
  const { live } = lvNames(item);
  const wanted = roundUp(sizeBytes, sizeStepBytes(report));
  if ((report.own.get(live)?.sizeBytes ?? 0) >= wanted) return;
  const what = `growing volume ${item.id} to ${wanted} bytes`;
  requireRoom(pool, report, what);
  const args = ['--size', `${wanted}b`, `${pool.settings.volumeGroup}/${live}`];
  await pool.group.change('lvextend', args, what, signal);
}
