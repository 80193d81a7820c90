import { release } from 'node:os';
import type { PoolConfig } from '../../config/schema.ts';
import { messageOf } from '../../errors.ts';
import { checkNfs } from '../../nfs/check.ts';
import { seePool } from '../../pools/identity.ts';
import { checkExportable } from '../../volumes/exports.ts';
import { type Inspection, inspect, table } from '../inspect.ts';
import { type Finding, isFault, NOTE } from './finding.ts';
import { checkKernel, checkPrivileges } from './kernel.ts';
import { readMounts } from './mountinfo.ts';
import { checkKubelet, checkPoolMounts, checkStateFolder, kubeletFolders } from './mounts.ts';
import { checkSockets } from './sockets.ts';

export const CHECK_USAGE = `stowage check --config FILE [--node-id NAME]
  checks the config, and what the driver and each pool need of this machine: kernel, privileges, mounts, sockets, programs. Says what is
  missing and what to do; exit status 2 where something is`;

const FIRST_USE = `${NOTE} its folder is made at the first use`;
/** Backends whose pools have records alone in their folder. */
const KEEPS_DATA_ELSEWHERE: ReadonlySet<PoolConfig['backend']> = new Set(['disk', 'lvm', 'memory']);
const MAX_PROC_BYTES = 16 * 1024 ** 2;

/** `stowage check`: is this machine ready for this config? @returns true where it is */
export async function check(args: readonly string[]): Promise<boolean> {
  const inspection = await inspect(args, CHECK_USAGE);
  const machine = await findingsOf(inspection);
  const machineRows = machine.flatMap(({ what, found, remarks }) => rowsOf([what, found], remarks));
  const poolRows: string[][] = [];
  let isFine = !machine.some(({ remarks }) => remarks.some(isFault));
  for (const pool of inspection.pools) {
    const remarks = await remarksOn(inspection, pool);
    isFine &&= !remarks.some(isFault);
    poolRows.push(...rowsOf([pool.name, pool.backend, ...(await fileSystemOf(inspection, pool))], remarks));
  }
  const parts = [
    `${inspection.config.name}: the config is fine`,
    table([['CHECK', 'FOUND', 'VERDICT'], ...machineRows]),
    ...(poolRows.length === 0
      ? []
      : [table([['POOL', 'BACKEND', 'FILE SYSTEM', 'FREE BYTES', 'VERDICT'], ...poolRows])]),
  ];
  process.stdout.write(`${parts.join('\n\n')}\n`);
  return isFine;
}

/** One row, with the first remark that matters or `fine`, and one more for each further remark. */
function rowsOf(cells: readonly string[], remarks: readonly string[]): string[][] {
  const [first = '', ...more] = remarks.some(isFault) ? remarks : ['fine', ...remarks];
  return [[...cells, first], ...more.map((remark) => [...cells.map(() => ''), remark])];
}

/** What is looked at besides the pools. */
async function findingsOf({ config, pools, host }: Inspection): Promise<Finding[]> {
  const { files } = host;
  const read = async (path: string) => (await files.read(path, MAX_PROC_BYTES)) ?? '';
  const mounts = readMounts(await read('/proc/self/mountinfo'));
  const kubelets = await kubeletFolders(files);
  const isThere = (await files.stat(config.stateDir)) !== undefined;
  return [
    checkKernel(release(), pools),
    checkPrivileges(await read('/proc/self/status'), pools),
    checkStateFolder(config, mounts, isThere),
    ...checkPoolMounts(pools, mounts),
    ...kubelets.map((folder) => checkKubelet(folder, mounts)),
    ...(await checkSockets(files, config, kubelets)),
    ...(config.driver === 'nfs'
      ? [{ what: 'NFS', found: `role ${config.role}`, remarks: await checkNfs(config, host) }]
      : []),
  ];
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
