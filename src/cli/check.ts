import type { PoolConfig } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { checkNfs } from '../nfs/check.ts';
import { seePool } from '../pools/identity.ts';
import { checkExportable } from '../volumes/exports.ts';
import { type Inspection, inspect, table } from './inspect.ts';

export const CHECK_USAGE = `stowage check --config FILE [--node-id NAME]
  checks the config and what each pool needs of this machine, and says what is missing; exit status 2 where something is`;

/** A remark that is no fault begins so; see Backend.check. */
const NOTE = 'note:';
const FIRST_USE = `${NOTE} its folder is made at the first use`;

/** `stowage check`: is this machine ready for this config? @returns true where it is */
export async function check(args: readonly string[]): Promise<boolean> {
  const inspection = await inspect(args, CHECK_USAGE);
  const rows = [['POOL', 'BACKEND', 'FILE SYSTEM', 'FREE BYTES', 'VERDICT']];
  let isFine = true;
  for (const pool of inspection.pools) {
    const remarks = await remarksOn(inspection, pool);
    const isReady = remarks.every((remark) => remark.startsWith(NOTE));
    isFine &&= isReady;
    const [first = '', ...more] = isReady ? ['fine', ...remarks] : remarks;
    rows.push([pool.name, pool.backend, ...(await fileSystemOf(inspection, pool)), first]);
    rows.push(...more.map((remark) => ['', '', '', '', remark]));
  }
  const others = inspection.config.driver === 'nfs' ? await checkNfs(inspection.config, inspection.host) : [];
  isFine &&= others.every((remark) => remark.startsWith(NOTE));
  const shown = inspection.pools.length === 0 ? [] : [table(rows)];
  process.stdout.write(`${[`${inspection.config.name}: the config is fine`, ...others, ...shown].join('\n')}\n`);
  return isFine;
}

/** What its folder is, as the driver would say it; and then, as it is the pool, what the backend says. */
async function remarksOn({ host, config, backendOf }: Inspection, pool: PoolConfig): Promise<readonly string[]> {
  try {
    await seePool(host, pool, config.stateDir);
    if (config.driver === 'nfs') await checkExportable(pool, host);
    const isThere = (await host.files.stat(pool.path)) !== undefined;
    const { backend, items } = backendOf(pool);
    const remarks = (await backend.check?.(items)) ?? [];
    return isThere ? remarks : [...remarks, FIRST_USE];
  } catch (error) {
    return [messageOf(error)];
  }
}

async function fileSystemOf({ host }: Inspection, { path }: PoolConfig): Promise<[type: string, freeBytes: string]> {
  const unknown: [string, string] = ['-', '-'];
  if ((await host.files.stat(path))?.type !== 'folder') return unknown;
  return host.files.statfs(path).then(
    ({ type, availableBytes }) => [type, String(availableBytes)],
    () => unknown, // what is wrong there is among the remarks
  );
}
