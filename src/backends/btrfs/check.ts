import { missingPrograms } from '../programs.ts';
import { poolProblem } from './condition.ts';
import type { BtrfsPool } from './context.ts';
import { checkIsBtrfs } from './plan.ts';

/** Remarks on a btrfs pool; see Backend.check. */
export async function checkBtrfsPool(pool: BtrfsPool): Promise<string[]> {
  const { btrfs, host, settings } = pool;
  await checkIsBtrfs(pool);
  const remarks = await missingPrograms(host, ['cp', 'rm']);
  const problem = await poolProblem(pool);
  if (problem !== undefined) remarks.push(problem);
  if (settings.quota === 'advisory') return [...remarks, 'note: sizes are not enforced (quota: advisory)'];
  const { status } = await btrfs.qgroups(settings.path);
  if (status.mode === 'off') remarks.push('note: quotas are off; the driver turns them on when it starts');
  return remarks;
}
