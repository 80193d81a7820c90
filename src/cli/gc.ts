import { join } from 'node:path';
import type { PoolConfig } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { seePool } from '../pools/identity.ts';
import { itemOf } from '../volumes/record.ts';
import { type Inspection, inspect, table } from './inspect.ts';

export const GC_USAGE = `stowage gc --config FILE [--node-id NAME]
  reports what does not fit together: data without a record, records without data, records that cannot be read.
  It removes nothing; exit status 2 where it found something`;

/** Where data lies in a pool that a record should name, by the record's folder. */
const DATA_FOLDERS = ['volumes', 'snapshots', '.stowage/trash', '.stowage/tmp'];

interface Finding {
  readonly pool: string;
  readonly what: string;
  readonly path: string;
}

/** `stowage gc`: finds, and leaves alone. @returns true where everything fits together */
export async function gc(args: readonly string[]): Promise<boolean> {
  const inspection = await inspect(args, GC_USAGE);
  const findings: Finding[] = [];
  for (const pool of inspection.pools) findings.push(...(await findingsOf(inspection, pool)));
  for (const [id, { pool, problem }] of inspection.catalog.damages()) {
    findings.push({ pool, what: `record cannot be read: ${problem}`, path: id });
  }
  if (findings.length === 0) {
    process.stdout.write('nothing found: data and records fit together\n');
    return true;
  }
  const rows = findings.map(({ pool, what, path }) => [pool, path, what]);
  process.stdout.write(`${table([['POOL', 'PATH', 'FOUND'], ...rows])}\n`);
  return false;
}

async function findingsOf(inspection: Inspection, pool: PoolConfig): Promise<Finding[]> {
  const { host, config } = inspection;
  try {
    await seePool(host, pool, config.stateDir);
    return [...(await unknownData(inspection, pool)), ...(await missingData(inspection, pool))];
  } catch (error) {
    return [{ pool: pool.name, what: messageOf(error), path: pool.path }];
  }
}

/** Data without a record: in the pool's folder, or where its backend keeps it. */
async function unknownData({ host, catalog, backendOf }: Inspection, pool: PoolConfig): Promise<Finding[]> {
  const known = new Set([...catalog.all(pool.name)].map((record) => (record.kind === 'group' ? '' : record.folder)));
  const paths: string[] = [];
  for (const folder of DATA_FOLDERS) {
    for (const name of await host.files.list(join(pool.path, folder)))
      if (!known.has(name.replace(/\.(img|disk)$/, ''))) paths.push(join(pool.path, folder, name));
  }
  const { backend, items } = backendOf(pool);
  paths.push(...((await backend.strays?.(items)) ?? []));
  return paths.map((path) => ({ pool: pool.name, what: 'data without a record', path }));
}

/** Records whose data should be where it was made. */
async function missingData({ catalog, backendOf }: Inspection, pool: PoolConfig): Promise<Finding[]> {
  const { backend } = backendOf(pool);
  const findings: Finding[] = [];
  for (const record of catalog.all(pool.name)) {
    if (record.kind === 'group' || (record.state !== 'ready' && record.state !== 'retained')) continue;
    const { id, state, folder } = record;
    const isThere = await backend.exists(itemOf(record)).catch(messageOf);
    if (isThere === true) continue;
    const what = isThere === false ? `record ${id} (${state}) without data` : `record ${id} (${state}): ${isThere}`;
    findings.push({ pool: pool.name, what, path: folder });
  }
  return findings;
}
