import { join } from 'node:path';
import type { Features } from '../backends/backend.ts';
import { createBackend } from '../backends/registry.ts';
import { type Config, holdsVolumes, type PoolConfig, poolsOfNode } from '../config/schema.ts';
import { messageOf, StowageError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { listRemembered } from '../pools/identity.ts';
import { createPool } from '../pools/pool.ts';
import { createRoom } from '../pools/room.ts';
import type { Logger } from '../telemetry/log.ts';
import { type GuardMetrics, noMetrics } from '../telemetry/metrics.ts';
import { bindService } from './bind-service.ts';
import { type Catalog, createCatalog } from './catalog.ts';
import type { Context, ManagedPool } from './context.ts';
import { createGuard, guardPeriodMs } from './guard.ts';
import { hashNode, hashPool } from './ids.ts';
import { createJobs } from './jobs.ts';
import { createLocks } from './locks.ts';
import { type Moved, type MoveRequest, moveVolume } from './move/move.ts';
import { recoverMoveFolders } from './move/places.ts';
import type { Report } from './move/progress.ts';
import { settled, startSettling } from './move/settle.ts';
import { forgetRecords, isToPurge } from './move/tombstones.ts';
import { holdsData, itemOf } from './record.ts';
import { openPool, recoverGroups } from './recover.ts';
import type { VolumeService } from './service.ts';
import { recoverStatics } from './static/recover.ts';
import { createStatics } from './static/statics.ts';
import { createStore } from './store.ts';
import { topologyValue } from './topology.ts';
import { createTrash } from './trash.ts';
import { createTurns } from './turns.ts';

export interface Driver {
  readonly service: VolumeService;
  readonly catalog: Catalog;
  /** Settles when recovery is done. */
  readonly recovered: Promise<void>;
  /** Moves a volume to another pool of this node: see moveVolume. */
  move(request: MoveRequest, report: Report, signal: AbortSignal): Promise<Moved>;
  /** Settles when no trash is left and no copy runs (tests, benchmarks). */
  idle(): Promise<void>;
  /** Ends copies and the emptying of trash, and gives the state folder free. Mounts stay. */
  stop(): Promise<void>;
}

/**
 * Starts the local driver's domain: takes the state folder, opens the pools and recovers them (the service waits for that).
 * @throws 'precondition' where another process has the state folder
 */
export async function openDriver(options: {
  config: Config;
  nodeId: string;
  host: Host;
  log: Logger;
  metrics?: GuardMetrics;
}): Promise<Driver> {
  const { host, config } = options;
  const { stateDir } = config;
  await host.files.makeFolders(stateDir);
  const lock = await host.files.lock(join(stateDir, 'lock'));
  if (lock === undefined) {
    throw new StowageError(
      'precondition',
      `another process of Stowage uses ${stateDir}; stop it, or give this one another stateDir`,
    );
  }
  try {
    return await openWith(lock, options);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openWith(
  lock: { readonly release: () => Promise<void> },
  { config, nodeId, host, log, metrics = noMetrics }: Parameters<typeof openDriver>[0],
): Promise<Driver> {
  const { stateDir } = config;
  const catalog = createCatalog();
  const configs = await withResolvedPaths(host, poolsOfNode(config, nodeId));
  const store = createStore(host.files, catalog, pathsOf(configs));
  const pools = new Map<string, ManagedPool>();
  const context: Context = {
    host,
    log,
    config,
    nodeId,
    nodeHash: hashNode(nodeId),
    topologyKey: `topology.${config.name}/node`,
    topologyValue: topologyValue(nodeId),
    catalog,
    store,
    locks: createLocks(),
    jobs: createJobs(),
    statics: createStatics(host.files, stateDir),
    pools,
    unconfiguredPoolHashes: await unconfigured(host, stateDir, configs),
  };
  for (const pool of configs) pools.set(pool.name, managePool(context, pool, metrics));
  const recovered = recover(context).then(() => {
    for (const { guard } of pools.values()) guard.start();
  });
  return {
    service: bindService(context, recovered, ablePools(config, { host, log })),
    catalog,
    recovered,
    async move(request, report, signal) {
      await recovered;
      return moveVolume(context, request, report, signal);
    },
    async idle() {
      await recovered;
      await context.jobs.idle();
      for (const pool of pools.values()) await pool.trash.empty();
    },
    async stop() {
      await Promise.allSettled([recovered]); // or it would go on beside the next process
      await Promise.all([
        context.jobs.stop(),
        ...[...pools.values()].flatMap((pool) => [pool.trash.stop(), pool.guard.stop()]),
      ]);
      await lock.release();
    },
  };
}

function managePool(context: Context, config: PoolConfig, metrics: GuardMetrics): ManagedPool {
  const { host, log, catalog } = context;
  const backend = createBackend(config, { host, log });
  const pool = createPool(config, backend, {
    host,
    stateDir: context.config.stateDir,
    onOpen: async () => {
      await openPool(context, managed);
      startSettling(context);
    },
  });
  const stored = () => [...catalog.all(config.name)].filter((record) => record.kind !== 'group');
  const items = () => stored().filter(holdsData).map(itemOf);
  const managed: ManagedPool = {
    ...pool,
    items,
    turns: createTurns(),
    room: createRoom(
      config,
      () => backend.capacity(items()),
      () => catalog.promisedBytes(config.name),
    ),
    trash: createTrash({
      log,
      bytesPerSecond: config.trashBytesPerSecond,
      // What else holds volumes gives them back faster or slower in ways of its own.
      freeBytes: async () => (holdsVolumes(config) ? (await host.files.statfs(config.path)).freeBytes : 0),
      purge: async (record, signal) => {
        await managed.check();
        if (!isToPurge(context, record)) return;
        await backend.discard(itemOf(record)); // nothing, unless that failed when it was deleted
        await backend.purge(itemOf(record), signal);
      },
      forget: (records) => forgetRecords(context, records),
    }),
    guard: createGuard({
      pool: config.name,
      guard: backend.guard,
      items,
      check: () => managed.check(),
      periodMs: guardPeriodMs(config),
      log,
      metrics,
    }),
  };
  return managed;
}

/**
 * What the pools of the config can do, also those of other nodes: a sidecar that runs beside each driver ends where its capability is missing. Without any
 * pool, all is said to be possible.
 */
function ablePools(config: Config, deps: { host: Host; log: Logger }) {
  const features = config.pools.map((pool) => createBackend(pool, deps).features);
  const any = (can: (of: Features) => boolean) => features.length === 0 || features.some(can);
  return {
    snapshots: any(({ snapshots }) => snapshots !== 'none'),
    clones: any(({ clones }) => clones !== 'none'),
    expansion: any(({ expansion }) => expansion !== 'none'),
  };
}

/** Pools that are away now are opened by the first call that finds them. */
async function recover(context: Context): Promise<void> {
  await recoverMoveFolders(context);
  await context.host.files.recover().catch((error: unknown) => {
    // They are in nobody's way, and the volumes are wanted.
    context.log.error({ error: messageOf(error) }, 'private mounts of an earlier process stay until the next start');
  });
  await Promise.all(
    [...context.pools.values()].map((pool) =>
      pool.check().catch((error: unknown) => {
        context.log.error({ pool: pool.name, error: messageOf(error) }, 'pool is away');
      }),
    ),
  );
  await recoverGroups(context);
  await settled(context);
  await recoverStatics(context);
}

/** The kernel names mounts and the files of loop devices by paths without links. The pool's own folder must be none (`identifyPool`). */
function withResolvedPaths(host: Host, configs: readonly PoolConfig[]): Promise<PoolConfig[]> {
  return Promise.all(configs.map(async (pool) => ({ ...pool, path: await host.files.resolveParent(pool.path) })));
}

function pathsOf(configs: readonly PoolConfig[]): (pool: string) => string {
  const paths = new Map(configs.map(({ name, path }) => [name, path]));
  return (pool) => {
    const path = paths.get(pool);
    if (path === undefined) throw new StowageError('internal', `no pool ${pool} is configured`);
    return path;
  };
}

async function unconfigured(
  host: Host,
  stateDir: string,
  configs: readonly PoolConfig[],
): Promise<Map<string, string>> {
  const names = new Set(configs.map(({ name }) => name));
  const hashes = new Map<string, string>();
  for (const { name, uuid } of await listRemembered(host.files, stateDir)) {
    if (!names.has(name)) hashes.set(hashPool(uuid), name);
  }
  return hashes;
}
