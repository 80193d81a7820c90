import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CONFIG_SCHEMAS, type Config, type PoolConfig } from '../../src/config/schema.ts';
import { isStowageError, type StowageError } from '../../src/errors.ts';
import type { Host } from '../../src/host/host.ts';
import { createHost } from '../../src/host/system.ts';
import { createLog, type Logger } from '../../src/telemetry/log.ts';
import { type DomainMetrics, noMetrics } from '../../src/telemetry/metrics.ts';
import type { Catalog } from '../../src/volumes/catalog.ts';
import { type Driver, openDriver } from '../../src/volumes/driver.ts';
import type { AccessMode, Capability, CreateVolumeRequest } from '../../src/volumes/requests.ts';
import type { VolumeInfo, VolumeService } from '../../src/volumes/service.ts';
import type { View } from './content.ts';
import { makeDisks, makePool, type PoolKind, type TestPool } from './pools.ts';

const run = promisify(execFile);

export const MIB = 1024 ** 2;

/** A signal that nobody gives, but that keeps a hanging test from hanging for ever. */
export const signal = (): AbortSignal => AbortSignal.timeout(60_000);

/** What a volume is asked to be in these tests. */
export type Wanted = Partial<
  Pick<CreateVolumeRequest, 'source' | 'parameters' | 'requisite' | 'mutableParameters'> & {
    sizeBytes: number;
    limitBytes: number;
    capability: Capability;
  }
>;

export interface PoolSetup {
  readonly name: string;
  /** disks: a folder with so many sparse disks beside it, each of sizeBytes. */
  readonly kind: PoolKind | 'disks';
  readonly sizeBytes?: number;
  /** Keys of the pool's config besides its name and path; `backend` first of all. */
  readonly config: Readonly<Record<string, unknown>> & { readonly backend: PoolConfig['backend'] };
  /** Further keys, which depend on where the pool is. */
  readonly keysOf?: (path: string) => Readonly<Record<string, unknown>>;
}

export interface TestDriver {
  readonly service: VolumeService;
  readonly catalog: Catalog;
  readonly driver: Driver;
  readonly config: Config;
  /** A folder of this test's own, for targets. Removed in the end with all mounts in it. */
  readonly folder: string;
  poolPath(name?: string): string;
  /** Stops the driver and starts another one on the same state, with other keys of the config where given. */
  restart(change?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Stops the driver without starting another one. */
  stop(): Promise<void>;
  create(name: string, wanted?: Wanted): Promise<VolumeInfo>;
  /** What `create` was answered of how nodes reach it. */
  contextOf(volumeId: string): VolumeInfo['context'];
  /** Where this volume is staged in these tests. */
  stagingPath(volumeId: string): string;
  stage(volumeId: string, capability?: Capability): Promise<void>;
  unstage(volumeId: string): Promise<void>;
  /** Publishes at `<folder>/targets/<target>`. @returns what is there */
  publish(volumeId: string, target: string, options?: PublishOptions): Promise<View>;
  unpublish(volumeId: string, target: string): Promise<void>;
  target(name: string): string;
  /** Stages and publishes the volume, and undoes both in the end. */
  mounted<T>(volumeId: string, use: (view: View) => Promise<T>, capability?: Capability): Promise<T>;
  cleanup(): Promise<void>;
}

export interface PublishOptions {
  readonly capability?: Capability;
  readonly readOnly?: boolean;
}

/** A capability for a file system. */
export function mount(mode: AccessMode = 'SINGLE_NODE_MULTI_WRITER', fsType?: string, mountFlags: string[] = []) {
  return { access: { type: 'mount', fsType, mountFlags }, mode } satisfies Capability;
}

/** A capability for raw block. */
export function block(mode: AccessMode = 'SINGLE_NODE_MULTI_WRITER') {
  return { access: { type: 'block' }, mode } satisfies Capability;
}

/** The StowageError with which a call is refused; throws where it is not refused, or with another error. */
export async function refusal(call: Promise<unknown>): Promise<StowageError> {
  try {
    await call;
  } catch (error) {
    if (isStowageError(error)) return error;
    throw error;
  }
  throw new Error('the call was not refused');
}

/** The domain code with which a call is refused, or `ok`. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    if (isStowageError(error)) return error.code;
    throw error;
  }
}

/**
 * A driver on pools of its own. Call `cleanup` in afterEach or afterAll, also where the test failed. Needs root.
 * @param options.keys keys of the config besides stateDir and pools
 * @param options.capability what volumes are made for and used as, where a call says nothing else
 * @param options.wrap changes the host that the driver gets
 */
export async function makeDriver(options: {
  pools: readonly PoolSetup[];
  keys?: Readonly<Record<string, unknown>>;
  capability?: Capability;
  sizeBytes?: number;
  wrap?: (host: Host) => Host;
  nodeId?: string;
  /** Exports the pools by the NFS server of this machine, which nodes reach at this address. */
  server?: string;
  metrics?: DomainMetrics;
  log?: Logger;
}): Promise<TestDriver> {
  const { nodeId = 'node-1', wrap = (host: Host) => host, capability: usual = mount() } = options;
  const folder = await mkdtemp(join(tmpdir(), 'stowage-driver-'));
  const pools = new Map<string, TestPool>();
  let driver: Driver | undefined;
  let config: Config | undefined;

  async function cleanup(): Promise<void> {
    try {
      await driver?.stop();
    } finally {
      await unmountBeneath(folder);
      for (const pool of pools.values()) {
        // Before the pool is unmounted: a device keeps its file's file system busy.
        for (const device of await loopsBeneath(pool.path)) await run('losetup', ['-d', device]);
        await pool.cleanup();
      }
      await rm(folder, { recursive: true, force: true });
    }
  }

  async function start(change: Readonly<Record<string, unknown>>): Promise<void> {
    const configs = options.pools.map(({ name, config: keys, keysOf }) => ({
      name,
      path: pathOf(name),
      ...keys,
      ...keysOf?.(pathOf(name)),
    }));
    const keys = { stateDir: join(folder, 'state'), logLevel: 'silent', ...options.keys, ...change };
    config =
      options.server === undefined
        ? CONFIG_SCHEMAS.local.parse({ driver: 'local', pools: configs, ...keys })
        : CONFIG_SCHEMAS.nfs.parse({ driver: 'nfs', managed: { server: options.server, pools: configs }, ...keys });
    driver = await openDriver({
      config,
      nodeId,
      host: wrap(createHost()),
      log: options.log ?? createLog(process.env.STOWAGE_TEST_LOG === undefined ? 'silent' : 'warn'),
      metrics: options.metrics ?? noMetrics,
    });
    await driver.recovered;
  }

  function pathOf(name: string): string {
    const pool = pools.get(name);
    if (pool === undefined) throw new Error(`the test has no pool ${name}`);
    return pool.path;
  }

  function running(): Driver {
    if (driver === undefined) throw new Error('the driver is stopped');
    return driver;
  }

  const contexts = new Map<string, VolumeInfo['context']>();
  const contextOf = (volumeId: string) => contexts.get(volumeId) ?? {};
  const target = (name: string) => join(folder, 'targets', name);
  const stagingPath = (volumeId: string) => join(folder, 'staging', volumeId);

  async function stop(): Promise<void> {
    const last = driver;
    driver = undefined;
    await last?.stop();
  }

  const made: TestDriver = {
    get service() {
      return running().service;
    },
    get catalog() {
      return running().catalog;
    },
    get driver() {
      return running();
    },
    get config() {
      if (config === undefined) throw new Error('the driver was never started');
      return config;
    },
    folder,
    poolPath: (name = options.pools[0]?.name ?? '') => pathOf(name),
    async restart(change = {}) {
      await stop();
      await start(change);
    },
    stop,
    async create(name, wanted = {}) {
      const { sizeBytes = options.sizeBytes ?? 32 * MIB, limitBytes, capability = usual, ...rest } = wanted;
      const info = await running().service.createVolume(
        {
          name,
          size: { requiredBytes: sizeBytes, limitBytes },
          capabilities: [capability],
          parameters: {},
          mutableParameters: {},
          source: undefined,
          requisite: [],
          ...rest,
        },
        signal(),
      );
      contexts.set(info.id, info.context);
      return info;
    },
    contextOf,
    stagingPath,
    stage: (volumeId, capability = usual) =>
      running().service.stage(
        { volumeId, stagingPath: stagingPath(volumeId), capability, volumeContext: contextOf(volumeId) },
        signal(),
      ),
    unstage: (volumeId) => running().service.unstage({ volumeId, stagingPath: stagingPath(volumeId) }, signal()),
    async publish(volumeId, name, { capability = usual, readOnly = false } = {}) {
      const request = { volumeId, capability, readOnly, volumeContext: contextOf(volumeId) };
      await running().service.publish(
        { ...request, stagingPath: stagingPath(volumeId), targetPath: target(name) },
        signal(),
      );
      return { type: capability.access.type === 'block' ? 'device' : 'tree', path: target(name) };
    },
    unpublish: (volumeId, name) => running().service.unpublish({ volumeId, targetPath: target(name) }, signal()),
    target,
    async mounted(volumeId, use, capability = usual) {
      await made.stage(volumeId, capability);
      try {
        const view = await made.publish(volumeId, `look-${volumeId}`, { capability });
        try {
          return await use(view);
        } finally {
          await made.unpublish(volumeId, `look-${volumeId}`);
        }
      } finally {
        await made.unstage(volumeId);
      }
    },
    cleanup,
  };

  try {
    for (const name of ['staging', 'targets']) await mkdir(join(folder, name));
    for (const { name, kind, sizeBytes } of options.pools) pools.set(name, await placeOf(kind, sizeBytes));
    await start({});
    return made;
  } catch (error) {
    await cleanup();
    throw error;
  }
}

const DISKS = 24;

function placeOf(kind: PoolSetup['kind'], sizeBytes: number | undefined): Promise<TestPool> {
  return kind === 'disks' ? makeDisks('raw', DISKS, sizeBytes ?? 64 * MIB) : makePool(kind, sizeBytes);
}

/** Mount points beneath a folder, last mounted first. */
export async function mountPointsBeneath(folder: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const points = lines.map((line) => line.split(' ')[4] ?? '');
  return points.filter((point) => point.startsWith(`${folder}/`)).reverse();
}

/** Unmounts everything beneath a folder. */
export async function unmountBeneath(folder: string): Promise<void> {
  for (const point of await mountPointsBeneath(folder)) await run('umount', ['-l', point]);
}

/** Loop devices on files beneath a folder. */
export async function loopsBeneath(folder: string): Promise<string[]> {
  const { stdout } = await run('losetup', ['-n', '-l', '-O', 'NAME,BACK-FILE']);
  return stdout.split('\n').flatMap((line) => {
    const [name = '', backing = ''] = line.trim().split(/\s+/);
    return backing.startsWith(`${folder}/`) ? [name] : [];
  });
}
