import { parseArgs } from 'node:util';
import { loadConfig } from '../config/load.ts';
import { StowageError } from '../errors.ts';
import { type ItemOverview, type OverviewLine, overview, type PoolOverview } from '../volumes/overview.ts';
import { listByDriver } from './admin-client.ts';
import { inspect, table } from './inspect.ts';

export const LS_USAGE = `stowage ls --config FILE [--node-id NAME] [--json]
  lists this node's pools with their room, and its volumes, snapshots and groups, also those that are being made, deleted, retained or
  archived: where they are mounted, how much they hold, and what is wrong with them. Asks the driver that runs, else reads the disks`;

/** How long all of it may take; volumes that do not answer are given up long before. */
const TIMEOUT_MS = 300_000;

/** `stowage ls`. */
export async function ls(args: readonly string[]): Promise<void> {
  const { config: file, 'node-id': nodeId, json } = readOptions(args);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const { stateDir } = await loadConfig(file);
  const lines =
    (await listByDriver(stateDir, signal)) ??
    overview(
      (await inspect(['--config', file, ...(nodeId === undefined ? [] : ['--node-id', nodeId])], LS_USAGE)).seen,
      signal,
    );
  const pools: PoolOverview[] = [];
  const items: ItemOverview[] = [];
  for await (const line of lines) take(line, pools, items);
  process.stdout.write(json === true ? `${JSON.stringify({ pools, items }, undefined, 2)}\n` : tables(pools, items));
}

function take({ type, ...rest }: OverviewLine, pools: PoolOverview[], items: ItemOverview[]): void {
  if ('promisedBytes' in rest) pools.push(rest);
  else items.push(rest);
}

function tables(pools: readonly PoolOverview[], items: readonly ItemOverview[]): string {
  const poolRows = pools.map((pool) => [
    pool.name,
    pool.backend,
    ...[pool.sizeBytes, pool.freeBytes, pool.usedBytes, pool.promisedBytes, pool.availableBytes].map(shown),
    pool.problem ?? 'ok',
  ]);
  const poolHead = ['POOL', 'BACKEND', 'SIZE', 'FREE', 'USED', 'PROMISED', 'AVAILABLE', 'HEALTH'];
  const itemHead = ['POOL', 'KIND', 'STATE', 'SIZE', 'HELD', 'USED', 'ID', 'NAME', 'WHERE', 'HEALTH'];
  return `${table([itemHead, ...items.flatMap(rowsOf)])}\n\n${table([poolHead, ...poolRows])}\n`;
}

/** A row, and one more for each further place. */
function rowsOf(item: ItemOverview): string[][] {
  const [first = '-', ...more] = [...item.nodes.map((node) => `node ${node}`), ...item.mounts];
  const health = item.problem ?? (item.state === 'ready' && item.kind !== 'group' ? 'ok' : '-');
  const { pool, kind, state, sizeBytes, reservedBytes, usedBytes, id, name } = item;
  const row = [pool, kind, state, shown(sizeBytes), shown(reservedBytes), shown(usedBytes), id, name, first, health];
  return [row, ...more.map((place) => [...Array<string>(8).fill(''), place])];
}

const UNITS = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];

/** Bytes as Kubernetes writes them, with up to one digit behind the point; exact ones are in the JSON. */
function shown(bytes: number | undefined): string {
  if (bytes === undefined) return '-';
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  return `${Number((bytes / 1024 ** power).toFixed(1))}${UNITS[power] ?? ''}`;
}

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: { config: { type: 'string' }, 'node-id': { type: 'string' }, json: { type: 'boolean' } },
  });
  if (values.config === undefined) throw new StowageError('invalid', `--config is missing\n${LS_USAGE}`);
  return { ...values, config: values.config };
}
