import type { AnyRecord } from '../volumes/record.ts';
import { inspect, table } from './inspect.ts';

export const LS_USAGE = `stowage ls --config FILE [--node-id NAME]
  lists volumes, snapshots and groups of this node's pools, also those that are being made, deleted, retained or archived`;

/** `stowage ls`: what the records say, one line each, and what each pool has promised. */
export async function ls(args: readonly string[]): Promise<void> {
  const { pools, catalog } = await inspect(args, LS_USAGE);
  const rows = [['POOL', 'KIND', 'STATE', 'BYTES', 'ID', 'NAME']];
  for (const record of catalog.all())
    rows.push([record.pool, kindOf(record), record.state, bytesOf(record), record.id, record.name]);
  for (const [id, { pool, problem }] of catalog.damages()) rows.push([pool, 'damaged', '-', '-', id, problem]);
  process.stdout.write(`${table(rows)}\n\n`);
  const totals = pools.map(({ name }) => [name, String(catalog.promisedBytes(name))]);
  process.stdout.write(`${table([['POOL', 'PROMISED BYTES'], ...totals])}\n`);
}

function kindOf(record: AnyRecord): string {
  return record.kind === 'volume' && record.ephemeral !== undefined ? 'ephemeral' : record.kind;
}

function bytesOf(record: AnyRecord): string {
  return record.kind === 'group' ? '-' : String(record.reservedBytes);
}
