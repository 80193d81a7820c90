import { join } from 'node:path';
import type { Config, PoolConfig } from '../config/schema.ts';
import { messageOf, StowageError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { ListedExport } from '../host/nfs-exports.ts';
import { type Admission, createManagedServer, type ManagedServer } from '../nfs/managed/server.ts';
import type { Context, ManagedPool } from './context.ts';
import { poolOf } from './lookup.ts';
import { addressesOfNode } from './node-address.ts';
import { itemOf, type VolumeRecord } from './record.ts';
import { createTurns } from './turns.ts';

/**
 * Root of a node passes ext4's quota, as its rights are those of root here (capabilities(7), CAP_SYS_RESOURCE).
 * @throws 'precondition' for a pool that would promise limits which it cannot hold
 */
export async function checkExportable(config: PoolConfig, host: Host): Promise<void> {
  if (config.backend !== 'directory' || config.quota === 'advisory') return;
  if ((await host.files.statfs(config.path)).type !== 'ext') return;
  throw new StowageError(
    'precondition',
    `pool ${config.name}: ${config.path} is on ext4, whose quota does not hold root of the nodes: use XFS or btrfs, or say quota: advisory`,
  );
}

/** How often what is exported is compared with the records: an administrator's `exportfs -r` takes ours away. */
const COMPARE_INTERVAL_MS = 30_000;
const COMPARE_TIMEOUT_MS = 120_000;
/** How long after its start a driver waits for pools that are away, before it lets clients of the others in. */
const POOLS_WAIT_MS = 120_000;

/** Volumes of pools of our own, exported to the nodes that they are attached to. The records say to which: what is exported follows them. */
export interface Exports {
  /** How nodes reach a volume. */
  contextOf(record: VolumeRecord): Readonly<Record<string, string>>;
  /** Exports a volume to the nodes that its record names. The caller holds its lock. */
  admit(record: VolumeRecord, signal: AbortSignal): Promise<void>;
  /**
   * Takes a volume from nodes, also with files open there, then lets `forget` make that durable, then drops what their clients hold. The caller holds the volume's lock.
   * @param nodeIds those that go, also if the record does not name them (any more)
   */
  shutOut(
    record: VolumeRecord,
    nodeIds: readonly string[],
    forget: () => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Makes what is exported as the records say, and keeps it so. Settles after the first time, also if that failed and is tried again. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** For an NFS driver that serves volumes itself; undefined for others, as nodes only mount. */
export async function openExports(
  context: Pick<Context, 'pools' | 'catalog' | 'log'>,
  host: Host,
  config: Config,
): Promise<Exports | undefined> {
  if (config.driver !== 'nfs' || config.managed === undefined || config.role === 'node') return undefined;
  const rootPath = join(await host.files.resolveParent(config.stateDir), 'exports');
  const server = createManagedServer({ host, log: context.log }, rootPath, config.managed);
  return createExports(context, server, config.managed.server);
}

/** @param address by which nodes reach this machine */
function createExports(
  context: Pick<Context, 'pools' | 'catalog' | 'log'>,
  server: ManagedServer,
  address: string,
): Exports {
  const turns = createTurns(); // between looking and changing nobody else changes
  let clock: NodeJS.Timeout | undefined;
  const startedMs = performance.now();
  let isStopped = false;
  let comparing: Promise<void> = Promise.resolve();

  const managedPools = () => [...context.pools.values()].filter(({ config }) => config.backend !== 'share');

  async function admitAll(record: VolumeRecord, signal: AbortSignal): Promise<void> {
    const pool = poolOf(context, record);
    const opened = await pool.backend.open(itemOf(record), signal);
    if (opened.type !== 'folder')
      throw new StowageError('internal', `volume ${record.id} is no folder, and cannot be exported`);
    await server.prepare(signal);
    await server.admit(record, opened.path, admissionsOf(record), signal);
  }

  /** Volumes of a pool that is away keep what they have. @returns whether all pools are here */
  async function compare(signal: AbortSignal): Promise<boolean> {
    let areAllHere = true;
    for (const pool of managedPools()) {
      if (await isHere(pool)) await turns(() => comparePool(pool, signal));
      else areAllHere = false;
    }
    return areAllHere;
  }

  /** Clients that come back after a restart of this machine, and find their volumes not exported, lose them (ESTALE): they have to wait until all is as it was. */
  async function compareAndRun(signal: AbortSignal): Promise<void> {
    await server.prepare(signal);
    const areAllHere = await compare(signal);
    if (!areAllHere && performance.now() - startedMs < POOLS_WAIT_MS) return;
    await server.run(signal);
  }

  async function comparePool(pool: ManagedPool, signal: AbortSignal): Promise<void> {
    const records = [...context.catalog.all(pool.name)].filter((record) => record.kind === 'volume');
    const attached = records.filter(({ state, attached: nodes }) => state === 'ready' && nodes.length > 0);
    const wanted = new Map(attached.map((record) => [server.pathOf(record), admissionsOf(record)]));
    const prefix = `${server.rootPath}/${pool.name}/`;
    const there = (await server.exported()).filter(({ path }) => path.startsWith(prefix));
    for (const { path, client } of there) {
      if (wanted.get(path)?.some((admission) => admission.address === client)) continue;
      context.log.warn({ path, client }, 'an export that no record names is taken away');
      await server.shutOut(path, client, signal);
    }
    const bound = await server.bound(pool.name);
    for (const record of attached) {
      const path = server.pathOf(record);
      const ofVolume = there.filter((entry) => entry.path === path);
      const isAsRecorded = admissionsOf(record).every((admission) => ofVolume.some((entry) => gives(entry, admission)));
      if (!isAsRecorded || !bound.includes(record.folder)) await admitAll(record, signal);
    }
    for (const folder of bound) {
      if (!attached.some((record) => record.folder === folder)) await server.withdraw(pool.name, folder);
    }
  }

  function compareLater(): void {
    if (isStopped) return;
    clock = setTimeout(() => {
      comparing = compareUnheard().finally(compareLater);
    }, COMPARE_INTERVAL_MS);
    clock.unref();
  }

  async function compareUnheard(): Promise<void> {
    try {
      await compareAndRun(AbortSignal.timeout(COMPARE_TIMEOUT_MS));
    } catch (error) {
      context.log.error({ error: messageOf(error) }, 'volumes could not be exported as their records say; tried again');
    }
  }

  return {
    contextOf(record) {
      return {
        server: address,
        share: `/${record.pool}/${record.folder}`,
        exportRoot: server.rootPath,
      };
    },
    admit: (record, signal) => turns(() => admitAll(record, signal)),
    async shutOut(record, nodeIds, forget, signal) {
      const pool = poolOf(context, record);
      const kept = record.attached.filter(({ nodeId }) => !nodeIds.includes(nodeId));
      const keptAddresses = new Set(kept.flatMap(({ nodeId }) => addressesOfNode(nodeId)));
      const gone = nodeIds.flatMap(addressesOfNode);
      const addresses = gone.filter((address) => !keptAddresses.has(address));
      await turns(async () => {
        for (const address of addresses) await server.shutOut(server.pathOf(record), address, signal);
        await forget();
        if (kept.length === 0) await server.withdraw(record.pool, record.folder);
        // A machine that keeps it by another of its names may be left with less.
        else if (addresses.length < gone.length) await admitAll({ ...record, attached: kept }, signal);
      });
      const opened = await pool.backend.opened(itemOf(record));
      if (opened?.type !== 'folder') return;
      for (const address of addresses) await server.drop(opened.path, address, signal);
    },
    start() {
      comparing = compareUnheard().finally(compareLater);
      return comparing;
    },
    async stop() {
      isStopped = true;
      clearTimeout(clock);
      await comparing;
    },
  };
}

/** A driver that died between its record and the export may have left it writable, or with handles of an earlier attachment. */
function gives({ client, readOnly, fsid }: ListedExport, admission: Admission): boolean {
  return client === admission.address && readOnly === admission.readOnly && fsid === admission.fsid;
}

async function isHere(pool: ManagedPool): Promise<boolean> {
  return pool.check().then(
    () => true,
    () => false,
  );
}

/** A node that has it twice, by two names of one address, may write if one may. */
function admissionsOf({ attached }: VolumeRecord): Admission[] {
  const admissions = new Map<string, Admission>();
  for (const { nodeId, readOnly, fsid } of attached) {
    if (fsid === undefined) continue; // by a driver that does not export
    for (const address of addressesOfNode(nodeId))
      admissions.set(address, { address, readOnly: readOnly && (admissions.get(address)?.readOnly ?? true), fsid });
  }
  return [...admissions.values()];
}
