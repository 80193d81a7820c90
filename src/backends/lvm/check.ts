import { isStowageError } from '../../errors.ts';
import { missingFormats, missingPrograms } from '../programs.ts';
import type { LvmPool } from './context.ts';
import { thinPoolCondition, thinPoolOf } from './limits.ts';

/** Remarks on a pool of logical volumes; see Backend.check. */
export async function checkLvmPool(pool: LvmPool): Promise<string[]> {
  const { host, settings } = pool;
  const programs = [
    ...(await missingPrograms(host, ['lvs', 'lvcreate', 'lvremove', 'mount', 'umount'])),
    ...(await missingFormats(host, settings.fsType)),
  ];
  return programs.some((remark) => remark.includes('lvm2')) ? programs : [...programs, ...(await groupRemarks(pool))];
}

async function groupRemarks(pool: LvmPool): Promise<string[]> {
  try {
    const thin = thinPoolOf(pool, await pool.group.report());
    const condition = thin === undefined ? undefined : thinPoolCondition(pool, thin);
    return condition === undefined ? [] : [condition];
  } catch (error) {
    if (isStowageError(error)) return [error.message];
    throw error;
  }
}
