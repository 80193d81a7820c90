import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Features } from '../backends/backend.ts';
import { createBackend } from '../backends/registry.ts';
import { type Config, type PoolConfig, poolsOfNode } from '../config/schema.ts';
import { messageOf, StowageError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { createShareHosts, type OpenShareFiles, type ShareHosts } from '../nfs/share-hosts.ts';
import { listRemembered } from '../pools/identity.ts';
import type { Logger } from '../telemetry/log.ts';
import { type DomainMetrics, noMetrics } from '../telemetry/metrics.ts';
import type { DriverSample } from '../telemetry/sample.ts';
import { type AdoptRequest, adoptVolumes, type ReportAdoption } from './adopt.ts';
import { bindService } from './bind-service.ts';
import { type Catalog, createCatalog } from './catalog.ts';
import type { Context, ManagedPool } from './context.ts';
import { openExports } from './exports.ts';
import { hashNode, hashPool } from './ids.ts';
import { createJobs } from './jobs.ts';
import { createLocks } from './locks.ts';
import { managePool } from './manage-pool.ts';
import { type Moved, type MoveRequest, moveVolume } from './move/move.ts';
import { recoverMoveFolders } from './move/places.ts';
import type { Report } from './move/progress.ts';
import { settled } from './move/settle.ts';
import { createNfsStats } from './nfs/stats.ts';
import type { Seen } from './overview.ts';
import { recoverGroups } from './recover.ts';
import { withResolvedPaths } from './resolved-paths.ts';
import { createSampler } from './sample.ts';
import type { VolumeService } from './service.ts';
import { createShares } from './shares.ts';
import { recoverStatics } from './static/recover.ts';
import { createStatics } from './static/statics.ts';
import { createStore, type PoolFiles } from './store.ts';
import { topologyValue } from './topology.ts';

export interface Driver {
  readonly service: VolumeService;
  readonly catalog: Catalog;
  /** Settles when recovery is done. */
  readonly recovered: Promise<void>;
  /** Moves a volume to another pool of this node: see moveVolume. */
  move(request: MoveRequest, report: Report, signal: AbortSignal): Promise<Moved>;
  /** Makes existing folders of shares volumes: see adoptVolumes. */
  adopt(request: AdoptRequest, report: ReportAdoption, signal: AbortSignal): Promise<void>;
  /** What metrics show of it now. */
  sample(): Promise<DriverSample>;
  /** Its pools, and all that has a record in them. */
  readonly seen: Seen;
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
  metrics?: DomainMetrics;
  /** The program of the shares' workers (NFS): see createShareFiles. */
  program?: string;
  /** See createShareHosts. */
  openShareFiles?: OpenShareFiles;
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
  { config, nodeId, host, log, metrics = noMetrics, program, openShareFiles }: Parameters<typeof openDriver>[0],
): Promise<Driver> {
  const { stateDir } = config;
  const catalog = createCatalog();
  const configs = await withResolvedPaths(host, poolsOfNode(config, nodeId));
  const pools = new Map<string, ManagedPool>();
  const store = createStore(catalog, (name) => filesOf(pools, name));
  const hosts = await openShareHosts(config, { host, log, program, openFiles: openShareFiles });
  const shares =
    config.driver === 'nfs' && hosts !== undefined
      ? createShares({
          files: host.files,
          config,
          log,
          manage(pool, options) {
            const managed = managePool(context, pool, hosts.hostOf({ ...pool, options }), metrics);
            pools.set(pool.name, managed);
            return managed;
          },
          look: (pool, options) => createBackend(pool, { host: hosts.hostOf({ ...pool, options }), log }),
          pathOf: hosts.pathOf,
        })
      : undefined;
  const exports = await openExports({ pools, catalog, log }, host, config);
  const context: Context = {
    host,
    log,
    config,
    nodeId,
    nodeHash: hashNode(config.driver === 'nfs' ? config.name : nodeId), // a share is on no node
    topologyKey: `topology.${config.name}/node`,
    topologyValue: topologyValue(nodeId),
    catalog,
    store,
    locks: createLocks(),
    jobs: createJobs(),
    statics: createStatics(host.files, stateDir),
    pools,
    shares,
    exports,
    unconfiguredPoolHashes: await unconfigured(host, stateDir, configs),
  };
  await shares?.load();
  for (const pool of configs) pools.set(pool.name, managePool(context, pool, host, metrics));
  const nfs = createNfsStats();
  const recovered = recover(context, hosts).then(async () => {
    await exports?.start();
    for (const { guard } of pools.values()) guard.start();
  });
  return {
    service: bindService(context, recovered, ablePools(config, { host, log }), nfs.ask),
    seen: context,
    sample: createSampler(context, nfs),
    catalog,
    recovered,
    async move(request, report, signal) {
      await recovered;
      if (shares !== undefined)
        throw new StowageError(
          'unsupported',
          'volumes on shares cannot be moved; copy them with a clone or a snapshot',
        );
      return moveVolume(context, request, report, signal);
    },
    async adopt(request, report, signal) {
      await recovered;
      return adoptVolumes(context, request, report, signal);
    },
    async idle() {
      await recovered;
      await context.jobs.idle();
      for (const pool of pools.values()) await pool.trash.empty();
    },
    async stop() {
      await Promise.allSettled([recovered]); // or it would go on beside the next process
      await Promise.all([
        exports?.stop(),
        context.jobs.stop(),
        ...[...pools.values()].flatMap((pool) => [pool.trash.stop(), pool.guard.stop()]),
      ]);
      await hosts?.close();
      await lock.release();
    },
  };
}

/**
 * What the pools of the config can do, also those of other nodes: a sidecar that runs beside each driver ends where its capability is missing. Without any
 * pool, all is said to be possible.
 */
function ablePools(config: Config, deps: { host: Host; log: Logger }) {
  const features = config.pools.map((pool) => createBackend(pool, deps).features);
  const someCan = (can: (of: Features) => boolean) => features.length === 0 || features.some(can);
  return {
    snapshots: someCan(({ snapshots }) => snapshots !== 'none'),
    clones: someCan(({ clones }) => clones !== 'none'),
    expansion: someCan(({ expansion }) => expansion !== 'none'),
  };
}

/** How long a start waits for shares. */
const SHARES_WAIT_MS = 5_000;

async function openShareHosts(
  config: Config,
  deps: Pick<Parameters<typeof createShareHosts>[0], 'host' | 'log' | 'program' | 'openFiles'>,
): Promise<ShareHosts | undefined> {
  if (config.driver !== 'nfs') return undefined;
  const { idleUnmountMs } = config;
  const stateDir = await deps.host.files.resolveParent(config.stateDir);
  return createShareHosts({ ...deps, stateDir, idleUnmountMs });
}

/** Pools that are away now are opened by the first call that finds them. */
async function recover(context: Context, hosts: ShareHosts | undefined): Promise<void> {
  await hosts?.recover();
  await recoverMoveFolders(context);
  await context.host.files.recover().catch((error: unknown) => {
    // They are in nobody's way, and the volumes are wanted.
    context.log.error({ error: messageOf(error) }, 'private mounts of an earlier process stay until the next start');
  });
  const opened = Promise.all(
    [...context.pools.values()].map((pool) =>
      pool.check().catch((error: unknown) => {
        context.log.error({ pool: pool.name, error: messageOf(error) }, 'pool is away');
      }),
    ),
  );
  // A server that is down must not keep the driver from serving the others.
  await (hosts === undefined ? opened : Promise.race([opened, sleep(SHARES_WAIT_MS, undefined, { ref: false })]));
  await recoverGroups(context);
  await settled(context);
  await recoverStatics(context);
}

function filesOf(pools: ReadonlyMap<string, ManagedPool>, name: string): PoolFiles {
  const pool = pools.get(name);
  if (pool === undefined) throw new StowageError('internal', `no pool ${name} is configured`);
  return { path: pool.config.path, files: pool.host.files };
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
