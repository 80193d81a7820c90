import { holdsVolumes } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { inspect, table } from './inspect.ts';

export const CHECK_USAGE = `stowage check --config FILE [--node-id NAME]
  checks the config and what each pool needs of this machine, and says what is missing; exit status 2 where something is`;

/** `stowage check`: is this machine ready for this config? @returns true where it is */
export async function check(args: readonly string[]): Promise<boolean> {
  const { config, pools, host } = await inspect(args, CHECK_USAGE);
  const rows = [['POOL', 'BACKEND', 'FILE SYSTEM', 'FREE BYTES', 'VERDICT']];
  let isFine = true;
  for (const pool of pools) {
    const problems: string[] = [];
    const at = await host.files.stat(pool.path);
    if (at === undefined && !holdsVolumes(pool)) {
      rows.push([pool.name, pool.backend, '-', '-', `fine; ${pool.path} is made at the first use`]);
      continue;
    }
    if (at?.type !== 'folder') {
      rows.push([pool.name, pool.backend, '-', '-', `${pool.path} is ${at?.type ?? 'missing'}, not a folder`]);
      isFine = false;
      continue;
    }
    const fileSystem = await host.files.statfs(pool.path);
    if (pool.requireMount && (await host.mounts.table()).at(pool.path) === undefined)
      problems.push('no mount point (requireMount)');
    if (pool.backend === 'directory' && pool.quota === 'enforced' && !(await host.quotas.enforced(pool.path))) {
      problems.push('project quotas are off: mount with prjquota, or say quota: advisory');
    }
    if (pool.backend === 'image') problems.push(...(await reflinkNote(() => host.files.canClone(pool.path))));
    isFine &&= problems.every((problem) => problem.startsWith('note:'));
    rows.push([
      pool.name,
      pool.backend,
      fileSystem.type,
      String(fileSystem.availableBytes),
      problems.join('; ') || 'fine',
    ]);
  }
  process.stdout.write(`${config.name}: the config is fine\n${table(rows)}\n`);
  return isFine;
}

async function reflinkNote(canClone: () => Promise<boolean>): Promise<string[]> {
  try {
    return (await canClone()) ? [] : ['note: no reflink here, so snapshots and clones are copies'];
  } catch (error) {
    return [`cannot be written: ${messageOf(error)}`];
  }
}
