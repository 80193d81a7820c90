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
/** Backends whose pools have records alone in their folder. */
const KEEPS_DATA_ELSEWHERE: ReadonlySet<PoolConfig['backend']> = new Set(['disk', 'lvm', 'memory']);
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

/** What holds the pool's data, and how much it has room for; of a folder that holds records alone it would say nothing to the point. */
async function fileSystemOf(inspection: Inspection, pool: PoolConfig): Promise<[type: string, freeBytes: string]> {
  const { host, backendOf } = inspection;
  const unknown: [string, string] = ['-', '-'];
  if ((await host.files.stat(pool.path))?.type !== 'folder') return unknown;
  const { backend, items } = backendOf(pool);
  const found = KEEPS_DATA_ELSEWHERE.has(pool.backend)
    ? backend.capacity(items).then(({ freeBytes }): [string, string] => ['-', String(freeBytes)])
    : host.files.statfs(pool.path).then(({ type, availableBytes }): [string, string] => [type, String(availableBytes)]);
  return found.catch(() => unknown); // what is wrong there is among the remarks
}
