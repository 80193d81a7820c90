import type { Item } from '../backend.ts';
import { mountedProblem } from '../health.ts';
import type { LvmPool } from './context.ts';
import { thinPoolCondition, thinPoolOf } from './limits.ts';
import { lvNames } from './names.ts';

/** Words for what is wrong with the logical volume, its thin pool, or its mounted file system; undefined where nothing is. */
export async function volumeCondition(pool: LvmPool, item: Item): Promise<string | undefined> {
  const report = await pool.group.report();
  const { live } = lvNames(item);
  const name = `${pool.settings.volumeGroup}/${live}`;
  const found = report.own.get(live);
  if (found === undefined) return `its logical volume ${name} is missing`;
  if (found.health !== '') {
    return `its logical volume ${name} is not well (${found.health}): see the kernel log, and pvs(8) for missing disks`;
  }
  if (item.kind === 'volume' && found.sizeBytes < item.sizeBytes) {
    return `its logical volume ${name} has ${found.sizeBytes} bytes, not ${item.sizeBytes}: it was made smaller`;
  }
  const device = await pool.devices.find(live);
  const mounted = device && (await mountedProblem(pool.host, await pool.devices.mounts(device)));
  if (mounted !== undefined) return mounted;
  const thin = thinPoolOf(pool, report);
  return thin === undefined ? undefined : thinPoolCondition(pool, thin);
}
