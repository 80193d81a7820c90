import { parseArgs } from 'node:util';
import type { Backend, Item } from '../backends/backend.ts';
import { createBackend } from '../backends/registry.ts';
import { loadConfig } from '../config/load.ts';
import { type Config, type PoolConfig, poolsOfNode } from '../config/schema.ts';
import { StowageError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { createHost } from '../host/system.ts';
import { seePool } from '../pools/identity.ts';
import { createRoom } from '../pools/room.ts';
import { createLog } from '../telemetry/log.ts';
import { type Catalog, createCatalog } from '../volumes/catalog.ts';
import type { SeenPool } from '../volumes/condition.ts';
import type { Seen } from '../volumes/overview.ts';
import { holdsData, itemOf } from '../volumes/record.ts';
import { withResolvedPaths } from '../volumes/resolved-paths.ts';
import { createStore } from '../volumes/store.ts';

/** What the commands that only look work with: the config and the records as they are on disk now. Nothing is changed or recovered. */
export interface Inspection {
  readonly config: Config;
  readonly pools: readonly PoolConfig[];
  readonly catalog: Catalog;
  readonly host: Host;
  /** The same as a driver sees it; of its pools nothing is opened. */
  readonly seen: Seen;
  /** What keeps this pool's volumes, and what has a record in it. Only its looking methods may be called: a driver may be running. */
  backendOf(pool: PoolConfig): { readonly backend: Backend; readonly items: readonly Item[] };
}

/** Reads `--config FILE [--node-id NAME]` and then all records of this node's pools; also beside a running driver. */
export async function inspect(args: readonly string[], usage: string): Promise<Inspection> {
  const { values } = parseArgs({
    args: [...args],
    options: { config: { type: 'string' }, 'node-id': { type: 'string' } },
  });
  if (values.config === undefined) throw new StowageError('invalid', `--config is missing\n${usage}`);
  const config = await loadConfig(values.config);
  const nodeId = values['node-id'] ?? process.env.NODE_ID;
  const host = createHost();
  const pools = await withResolvedPaths(host, nodeId === undefined ? config.pools : poolsOfNode(config, nodeId));
  const catalog = createCatalog();
  const paths = new Map(pools.map(({ name, path }) => [name, path]));
  const store = createStore(catalog, (pool) => ({ path: paths.get(pool) ?? '', files: host.files }));
  for (const pool of pools) await store.load(pool);
  const log = createLog('silent'); // what it finds is said in words
  const backendOf = (pool: PoolConfig) => ({
    backend: createBackend(pool, { host, log }),
    items: itemsOf(catalog, pool.name),
  });
  const look = (pool: PoolConfig) => seenPool(pool, backendOf(pool), { host, catalog, stateDir: config.stateDir });
  const seen = { host, catalog, pools: new Map(pools.map((pool) => [pool.name, look(pool)])) };
  return { config, pools, catalog, host, seen, backendOf };
}

function seenPool(
  config: PoolConfig,
  { backend, items }: ReturnType<Inspection['backendOf']>,
  { host, catalog, stateDir }: Pick<Inspection, 'host' | 'catalog'> & { readonly stateDir: string },
): SeenPool {
  return {
    name: config.name,
    config,
    backend,
    room: createRoom(
      config,
      () => backend.capacity(items),
      () => catalog.promisedBytes(config.name),
    ),
    check: () => seePool(host, config, stateDir),
    guard: { problemOf: () => undefined }, // which a driver finds in time
  };
}

function itemsOf(catalog: Catalog, pool: string): Item[] {
  return [...catalog.all(pool)].flatMap((record) =>
    record.kind !== 'group' && holdsData(record) ? [itemOf(record)] : [],
  );
}

/** Rows as a table with aligned columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
