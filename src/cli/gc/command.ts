import { parseArgs } from 'node:util';
import type { Backend } from '../../backends/backend.ts';
import type { PoolConfig } from '../../config/schema.ts';
import { messageOf } from '../../errors.ts';
import { seePool } from '../../pools/identity.ts';
import { itemOf, type StoredRecord } from '../../volumes/record.ts';
import { type Inspection, inspect, table } from '../inspect.ts';
import { readNodeId } from '../node-id.ts';
import { removeStray } from './remove.ts';
import { isStillStray, type Stray, straysOf } from './strays.ts';

export const GC_USAGE = `stowage gc --config FILE [--node-id NAME] [--remove]
  reports what does not fit together: data without a record, records without data, records that cannot be read; and the pools and disks
  that are away, where it could not look. Exit status 2 where it found something.
  --remove   removes data without a record, unless it is in use or may be that of a record that cannot be read; needs the node's name`;

interface Finding {
  readonly pool: string;
  readonly what: string;
  readonly path: string;
}

/** `stowage gc`: finds; and removes what has no owner, where that is asked for. @returns true where everything fits together, in the end */
export async function gc(args: readonly string[]): Promise<boolean> {
  const { remove, ...options } = readOptions(args);
  // Without the node's name a pool of another node might seem to lie where one of this node does.
  if (remove) readNodeId(options.nodeId, GC_USAGE);
  const first = await inspect(options.args, GC_USAGE);
  const seen = new Map<PoolConfig, readonly Stray[] | string>();
  for (const pool of first.pools) seen.set(pool, await look(first, pool));
  const later = await inspect(options.args, GC_USAGE);
  const findings: Finding[] = [];
  for (const [pool, strays] of seen) findings.push(...(await findingsOf(later, pool, strays, remove)));
  for (const [id, { pool, problem }] of later.catalog.damages())
    findings.push({ pool, what: `record cannot be read: ${problem}`, path: id });
  process.stdout.write(report(findings));
  return findings.every(({ what }) => what === REMOVED);
}

const REMOVED = 'data without a record: removed';

function report(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'nothing found: data and records fit together\n';
  const rows = findings.map(({ pool, what, path }) => [pool, path, what]);
  return `${table([['POOL', 'PATH', 'FOUND'], ...rows])}\n`;
}

/** What lies in a pool of nobody, or why that cannot be said. */
async function look(inspection: Inspection, pool: PoolConfig): Promise<readonly Stray[] | string> {
  try {
    await seePool(inspection.host, pool, inspection.config.stateDir);
    return await straysOf(inspection, pool);
  } catch (error) {
    return messageOf(error);
  }
}

async function findingsOf(
  later: Inspection,
  pool: PoolConfig,
  strays: readonly Stray[] | string,
  remove: boolean,
): Promise<Finding[]> {
  if (typeof strays === 'string') return [{ pool: pool.name, what: strays, path: pool.path }];
  const findings: Finding[] = [];
  for (const stray of strays)
    if (await isStillStray(later, pool, stray))
      findings.push({ pool: pool.name, path: stray.path, what: await whatOf(later, pool, stray, remove) });
  try {
    return [...findings, ...(await missingData(later, pool))];
  } catch (error) {
    return [...findings, { pool: pool.name, what: messageOf(error), path: pool.path }];
  }
}

async function whatOf(later: Inspection, pool: PoolConfig, stray: Stray, remove: boolean): Promise<string> {
  if (!remove) return 'data without a record';
  const why = await removeStray(later, pool, stray);
  return why === undefined ? REMOVED : `data without a record, ${why}`;
}

/** Records whose data is not where it should be, or where nobody can see whether it is. */
async function missingData({ catalog, backendOf }: Inspection, pool: PoolConfig): Promise<Finding[]> {
  const { backend } = backendOf(pool);
  const findings: Finding[] = [];
  for (const record of catalog.all(pool.name)) {
    if (record.kind === 'group') continue;
    const problem = await problemOf(backend, record);
    if (problem === undefined) continue;
    const what = `record ${record.id} (${record.state})${problem}`;
    findings.push({ pool: pool.name, what, path: record.folder });
  }
  return findings;
}

async function problemOf(backend: Backend, record: StoredRecord): Promise<string | undefined> {
  const item = itemOf(record);
  if (record.state === 'ready' || record.state === 'retained') {
    const isThere = await backend.exists(item).catch(messageOf);
    if (isThere !== true) return isThere === false ? ' without data' : `: ${isThere}`;
  }
  const away = await backend.away?.(item).catch(messageOf);
  return away && `: its data could not be looked at: ${away}`;
}

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: { config: { type: 'string' }, 'node-id': { type: 'string' }, remove: { type: 'boolean' } },
  });
  return {
    remove: values.remove === true,
    nodeId: values['node-id'],
    args: args.filter((arg) => arg !== '--remove'),
  };
}
