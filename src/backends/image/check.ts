import { messageOf } from '../../errors.ts';
import { missingFormats, missingPrograms } from '../programs.ts';
import type { ImagePool } from './context.ts';

const PROGRAMS = ['mount', 'umount', 'losetup', 'fsfreeze', 'fallocate', 'cp', 'rm', 'sync'] as const;
const LOOP_CONTROL = '/dev/loop-control';

/** Remarks on an image pool; see Backend.check. */
export async function checkImagePool({ host, settings }: ImagePool): Promise<string[]> {
  const remarks = [...(await missingPrograms(host, PROGRAMS)), ...(await missingFormats(host, settings.fsType))];
  if ((await host.files.stat(LOOP_CONTROL)) === undefined)
    remarks.push(`${LOOP_CONTROL} is missing: say \`modprobe loop\`; a container needs the host's /dev`);
  try {
    // At the pool's folder: its own folders are made at the first use.
    if (!(await host.files.canClone(settings.path)))
      remarks.push('note: no reflink here, so snapshots and clones are copies');
  } catch (error) {
    remarks.push(`cannot be written: ${messageOf(error)}`);
  }
  return remarks;
}
