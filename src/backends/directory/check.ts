import { missingPrograms } from '../programs.ts';
import type { DirectoryPool } from './context.ts';

/** Remarks on a directory pool; see Backend.check. */
export async function checkDirectoryPool({ host, settings }: DirectoryPool): Promise<string[]> {
  const remarks = await missingPrograms(host, ['cp', 'rm', 'sync', 'du']);
  if (settings.quota === 'advisory') remarks.push('note: sizes are not enforced (quota: advisory)');
  else if (!(await host.quotas.enforced(settings.path)))
    remarks.push('project quotas are off: mount with prjquota, or say quota: advisory');
  return remarks;
}
