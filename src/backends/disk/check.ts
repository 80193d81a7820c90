import { messageOf } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { missingFormats, missingPrograms } from '../programs.ts';
import { diskCondition } from './condition.ts';
import type { DiskPool } from './context.ts';
import { whyNotFree } from './free.ts';
import { look } from './look.ts';
import { takenDisks } from './taken.ts';

const PROGRAMS = ['mount', 'umount', 'wipefs', 'blkid', 'blkdiscard', 'blockdev', 'cmp', 'dd', 'rm'] as const;

/** Remarks on a pool of disks; see Backend.check. Disks that are left alone are a note where they were discovered, and a fault where the config names them. */
export async function checkDiskPool(pool: DiskPool, items: readonly Item[]): Promise<string[]> {
  const { host, settings } = pool;
  const remarks = await missingPrograms(host, PROGRAMS);
  if (settings.devices.length > 0) remarks.push(...(await missingFormats(host, settings.fsType)));
  for (const item of items) {
    const problem = await diskCondition(pool, item);
    const whose = `volume ${item.id}: `;
    if (problem !== undefined) remarks.push(problem.startsWith(whose) ? problem : whose + problem);
  }
  const now = await look(pool);
  const isNamed = (name: string) => name === settings.discovery || settings.devices.includes(name);
  const remark = (name: string, problem: string) =>
    remarks.push(isNamed(name) ? `${name}: ${problem}` : `note: ${name}: ${problem}`);
  for (const [name, problem] of now.refused) remark(name, problem);
  const isTaken = await takenDisks(pool, items);
  let free = 0;
  for (const found of now.disks.filter((disk) => !isTaken(disk))) {
    const problem = await whyNotFree(pool, found, now.table, 'recent').catch(messageOf);
    if (problem === undefined) free++;
    else remark(found.name, problem);
  }
  if (free === 0) remarks.push('note: no disk is free');
  return remarks;
}
