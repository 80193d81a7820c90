import { endIfAborted } from '../backends/signals.ts';
import { isStowageError, messageOf } from '../errors.ts';
import { markOf, mountsOf } from '../staging/mounted.ts';
import type { Catalog } from './catalog.ts';
import { conditionOf, inTime, poolProblem, type SeenPool, whyAway } from './condition.ts';
import type { Context } from './context.ts';
import { type AnyRecord, itemOf, type VolumeRecord } from './record.ts';

/** How a pool is. Numbers are bytes; those of the disk are missing where it is away, and of shares, whose servers alone know them. */
export interface PoolOverview {
  readonly name: string;
  readonly backend: string;
  readonly path: string;
  readonly problem?: string | undefined;
  readonly sizeBytes?: number | undefined;
  readonly freeBytes?: number | undefined;
  /** What its volumes and snapshots take; missing where that cannot be known cheaply. */
  readonly usedBytes?: number | undefined;
  readonly promisedBytes: number;
  /** What it may still promise. */
  readonly availableBytes?: number | undefined;
}

/** A record, and how what it names is. */
export interface ItemOverview {
  readonly kind: 'volume' | 'ephemeral' | 'snapshot' | 'group' | 'damaged';
  readonly id: string;
  readonly name: string;
  readonly pool: string;
  readonly state: string; // the record's; `damaged` where that cannot be read, which `problem` then explains
  readonly sizeBytes?: number | undefined;
  readonly reservedBytes?: number | undefined; // what its pool holds back for it
  /** Missing where nobody knows without counting, or while it is not mounted and only its file system knows. */
  readonly usedBytes?: number | undefined;
  readonly source?: string | undefined; // id of the volume or snapshot that it was made from
  readonly nodes: readonly string[]; // that it is attached to
  readonly mounts: readonly string[]; // paths on this node
  readonly problem?: string | undefined;
}

/** What is looked at: a driver's pools and records, or those that a command has read. */
export interface Seen {
  readonly host: Context['host'];
  readonly catalog: Catalog;
  readonly pools: ReadonlyMap<string, SeenPool>;
}

export type OverviewLine = ({ readonly type: 'pool' } & PoolOverview) | ({ readonly type: 'item' } & ItemOverview);

/** How many volumes are looked at at once. */
const BATCH = 16;
/** A volume's use that is not known by then is left out. */
const USAGE_TIMEOUT_MS = 5_000;

/** Looks at a pool; answers within seconds whatever its disk does. */
export async function overviewOfPool({ host, catalog }: Seen, pool: SeenPool): Promise<PoolOverview> {
  const { name, config } = pool;
  const known = { name, backend: config.backend, path: config.path, promisedBytes: catalog.promisedBytes(name) };
  const away = await whyAway(pool);
  if (away !== undefined) return { ...known, problem: messageOf(away) };
  try {
    const problem = await inTime(poolProblem({ host }, pool), pool);
    const found = { ...known, problem };
    if (config.backend === 'share') return found;
    const {
      totalBytes: sizeBytes,
      freeBytes,
      usedByVolumesBytes: usedBytes,
    } = await inTime(pool.room.capacity(), pool);
    const availableBytes = await pool.room.availableBytes();
    return { ...found, sizeBytes, freeBytes, usedBytes, availableBytes };
  } catch (error) {
    return { ...known, problem: messageOf(error) };
  }
}

/** All pools, then everything that has a record. */
export async function* overview(seen: Seen, signal: AbortSignal): AsyncGenerator<OverviewLine> {
  const pools = await Promise.all([...seen.pools.values()].map((pool) => overviewOfPool(seen, pool)));
  for (const pool of pools) yield { type: 'pool', ...pool };
  for await (const item of overviewOfItems(seen, signal)) yield { type: 'item', ...item };
}

/** Everything that has a record, by pool and name, a batch after another. */
async function* overviewOfItems(seen: Seen, signal: AbortSignal): AsyncGenerator<ItemOverview> {
  const away = new Map(
    await Promise.all([...seen.pools].map(async ([name, pool]) => [name, await whyAway(pool)] as const)),
  );
  const records = [...seen.catalog.all()].sort((a, b) => orderOf(a).localeCompare(orderOf(b)));
  for (let start = 0; start < records.length; start += BATCH) {
    endIfAborted(signal, 'listing what the pools hold');
    const batch = records.slice(start, start + BATCH);
    yield* await Promise.all(batch.map((record) => overviewOf(seen, record, away.get(record.pool), signal)));
  }
  for (const [id, { pool, problem }] of seen.catalog.damages())
    yield { kind: 'damaged', id, name: '', pool, state: 'damaged', nodes: [], mounts: [], problem };
}

function orderOf({ pool, name, kind, id }: AnyRecord): string {
  return `${pool} ${name} ${kind} ${id}`;
}

async function overviewOf(seen: Seen, record: AnyRecord, away: unknown, signal: AbortSignal): Promise<ItemOverview> {
  const { id, name, pool, state } = record;
  const common = { id, name, pool, state, nodes: [], mounts: [] };
  switch (record.kind) {
    case 'group':
      return { ...common, kind: 'group' };
    case 'snapshot': {
      const { sizeBytes, reservedBytes, sourceId: source } = record;
      return { ...common, kind: 'snapshot', sizeBytes, reservedBytes, source };
    }
    case 'volume':
      return { ...volumeOverview(record), ...(await found(seen, record, away, signal)) };
  }
}

function volumeOverview(record: VolumeRecord): ItemOverview {
  const { id, name, pool, state, sizeBytes, reservedBytes, source, ephemeral, attached } = record;
  const kind = ephemeral === undefined ? 'volume' : 'ephemeral';
  const known = { kind, id, name, pool, state, sizeBytes, reservedBytes, mounts: [] } as const;
  return { ...known, nodes: attached.map(({ nodeId }) => nodeId), source: source?.id };
}

type Found = Partial<Pick<ItemOverview, 'mounts' | 'usedBytes' | 'problem'>>;

/** What the kernel and the pool say of a volume. One that is being made or removed is not asked for. */
async function found(seen: Seen, record: VolumeRecord, away: unknown, signal: AbortSignal): Promise<Found> {
  const pool = seen.pools.get(record.pool);
  if (pool === undefined || record.state !== 'ready') return {};
  const { abnormal, message } = await conditionOf(seen, { record, pool, away });
  const problem = abnormal ? { problem: message } : {};
  // Of a share neither is known here: nodes mount it, and its server counts for all of it.
  if (away !== undefined || pool.config.backend === 'share') return problem;
  try {
    const mounts = await inTime(mountPointsOf(seen, pool, record), pool);
    const usedBytes = await usedBytesOf(pool, record, mounts, signal);
    return { mounts, usedBytes, ...problem };
  } catch (error) {
    return { problem: messageOf(error), ...problem };
  }
}

/** Where this node has the volume, a part of it, or its device's node. */
async function mountPointsOf({ host }: Seen, { backend }: SeenPool, record: VolumeRecord): Promise<string[]> {
  const opened = await backend.opened(itemOf(record));
  if (opened === undefined) return [];
  const table = await host.mounts.table();
  return mountsOf(await markOf(host, opened, table), table).map(({ mountPoint }) => mountPoint);
}

/** Where sizes are advisory, counting would read the whole volume; and of a file system that is not mounted nobody knows. */
async function usedBytesOf(
  { backend }: SeenPool,
  record: VolumeRecord,
  [mountPoint]: readonly string[],
  signal: AbortSignal,
): Promise<number | undefined> {
  if (!backend.features.enforced) return undefined;
  const ended = AbortSignal.any([signal, AbortSignal.timeout(USAGE_TIMEOUT_MS)]);
  const where = record.access === 'mount' ? mountPoint : undefined;
  try {
    return (await backend.usage(itemOf(record), where, ended)).bytes.used;
  } catch (error) {
    if (signal.aborted || !isStowageError(error)) throw error;
    return undefined; // not mounted, or too slow; what is damaged is said by its condition
  }
}
