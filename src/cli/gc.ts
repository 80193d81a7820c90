import { join } from 'node:path';
import type { PoolConfig } from '../config/schema.ts';
import type { Catalog } from '../volumes/catalog.ts';
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

async function findingsOf({ host, catalog }: Inspection, pool: PoolConfig): Promise<Finding[]> {
  const findings: Finding[] = [];
  const known = foldersOf(catalog, pool.name);
  const present = new Set<string>();
  for (const folder of DATA_FOLDERS) {
    for (const name of await host.files.list(join(pool.path, folder))) {
      const item = name.replace(/\.(img|disk)$/, '');
      present.add(item);
      if (!known.has(item))
        findings.push({ pool: pool.name, what: 'data without a record', path: join(pool.path, folder, name) });
    }
  }
  for (const [folder, { id, state }] of known) {
    const isExpected = state === 'ready' || state === 'retained';
    if (isExpected && !present.has(folder))
      findings.push({ pool: pool.name, what: `record ${id} (${state}) without data`, path: folder });
  }
  return findings;
}

function foldersOf(catalog: Catalog, pool: string): Map<string, { id: string; state: string }> {
  const folders = new Map<string, { id: string; state: string }>();
  for (const record of catalog.all(pool)) {
    if (record.kind !== 'group') folders.set(record.folder, { id: record.id, state: record.state });
  }
  return folders;
}
