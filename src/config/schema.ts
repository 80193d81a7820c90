import { join } from 'node:path';
import * as z from 'zod/mini';
import {
  address,
  bool,
  driverName,
  fileMode,
  integer,
  list,
  lvmName,
  nodeName,
  number,
  oneOf,
  path,
  poolName,
  serverName,
  size,
} from './fields.ts';

/** Every key of the config, with its default; docs/reference/configuration.md is its table. */

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

const commonKeys = {
  name: poolName,
  overcommit: z._default(number(0.1, 100), 1),
  requireMount: z._default(bool, false),
  nodes: z.optional(list(nodeName, 1, 10_000)),
  ephemeral: z._default(bool, false),
  trashBytesPerSecond: z._default(size(MIB, 'no limit'), GIB),
  maxVolumeBytes: z.optional(size(MIB)),
};

/** Pools whose volumes lie at a path. */
const poolKeys = { ...commonKeys, path };

/** Pools whose volumes lie elsewhere keep only their records at a path, in the state folder unless it is set. */
const recordKeys = { ...commonKeys, path: z.optional(path) };

const folderMode = z._default(fileMode, 0o777);
const quota = z._default(oneOf('enforced', 'advisory'), 'enforced');
const fsType = z._default(oneOf('ext4', 'xfs'), 'ext4');

/** One schema for each backend: a new one is one entry here. */
export const POOL_SCHEMAS = {
  image: z.strictObject({
    backend: z.literal('image'),
    ...poolKeys,
    fsType,
    blockSizeBytes: z._default(z.literal([512, 4096], { error: 'must be 512 or 4096' }), 4096),
    preallocate: z._default(bool, false),
  }),
  directory: z.strictObject({
    backend: z.literal('directory'),
    ...poolKeys,
    quota,
    inodesPerGiB: z._default(integer(0, 16_777_216), 65_536),
    folderMode,
    quotaScanIntervalMs: z._default(integer(0, 604_800_000), 600_000),
  }),
  btrfs: z.strictObject({ backend: z.literal('btrfs'), ...poolKeys, quota, folderMode }),
  lvm: z.strictObject({
    backend: z.literal('lvm'),
    ...recordKeys,
    volumeGroup: lvmName,
    thinPool: z.optional(lvmName), // none: thick volumes
    fsType,
  }),
  disk: z.strictObject({
    backend: z.literal('disk'),
    ...recordKeys,
    devices: z._default(list(path, 0, 1000), []),
    discovery: z.optional(path),
    fsType,
    wipe: z._default(oneOf('discard', 'zero'), 'discard'),
    folderMode,
  }),
  memory: z.strictObject({ backend: z.literal('memory'), ...recordKeys, size: size(MIB), folderMode }),
};

/** What every driver's process takes. */
const processKeys = {
  stateDir: z._default(path, '/var/lib/stowage'),
  logLevel: z._default(oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'), 'info'),
  metricsAddress: z.optional(address),
  maxVolumesPerNode: z._default(integer(0, 10_000), 0),
  controllerExpansion: z._default(bool, true),
  controllerModify: z._default(bool, true),
  groupController: z._default(bool, true),
  callTimeoutMs: z._default(integer(1000, 3_600_000), 60_000),
};

const poolList = list(
  z.discriminatedUnion('backend', [
    POOL_SCHEMAS.image,
    POOL_SCHEMAS.directory,
    POOL_SCHEMAS.btrfs,
    POOL_SCHEMAS.lvm,
    POOL_SCHEMAS.disk,
    POOL_SCHEMAS.memory,
  ]),
  0,
  1000,
);

/** Volumes of pools of our own, exported by this machine's kernel. Their limits are their file system's, also for a client's root. */
export const MANAGED_SCHEMA = z.strictObject({
  server: serverName,
  pools: list(z.discriminatedUnion('backend', [POOL_SCHEMAS.directory, POOL_SCHEMAS.btrfs]), 1, 1000),
  nfs3: z._default(bool, false),
  leaseSeconds: z._default(integer(10, 3600), 90),
});

/** One schema for each driver. */
export const DRIVER_SCHEMAS = {
  local: z.strictObject({
    driver: z.literal('local', { error: 'must be local or nfs' }),
    name: z._default(driverName, 'local.csi.stowage.dev'),
    ...processKeys,
    hostPaths: z._default(list(path, 0, 100), []),
    pools: poolList,
  }),
  nfs: z.strictObject({
    driver: z.literal('nfs'),
    name: z._default(driverName, 'nfs.csi.stowage.dev'),
    ...processKeys,
    role: z._default(oneOf('all', 'controller', 'node'), 'all'),
    idleUnmountMs: z._default(integer(0, 86_400_000), 300_000),
    trashBytesPerSecond: z._default(size(MIB, 'no limit'), GIB),
    managed: z.optional(MANAGED_SCHEMA),
  }),
};

/** The config with every pool's path. */
const local = z.pipe(
  DRIVER_SCHEMAS.local,
  z.transform(({ pools, ...keys }) => ({
    ...keys,
    pools: pools.map((pool) => ({ ...pool, path: pool.path ?? join(keys.stateDir, 'pools', pool.name) })),
  })),
);

/** Its other pools are the shares that volumes name. */
const nfs = z.pipe(
  DRIVER_SCHEMAS.nfs,
  z.transform((keys) => ({ ...keys, hostPaths: [], pools: keys.role === 'node' ? [] : (keys.managed?.pools ?? []) })),
);

/** One schema for each driver; what names no driver is taken for local. */
export const CONFIG_SCHEMAS = { local, nfs };

export type LocalConfig = z.infer<typeof local>;
export type NfsConfig = z.infer<typeof nfs>;
export type Config = LocalConfig | NfsConfig;
type WrittenPoolConfig = LocalConfig['pools'][number];

/** One pool, with all defaults filled in: a union discriminated by `backend`. */
export type PoolConfig = WrittenPoolConfig | SharePoolConfig;

/** The pool that a share of the NFS driver is. It is made when a volume names the share, and never written in a config. */
export interface SharePoolConfig extends Pick<WrittenPoolConfig, keyof typeof commonKeys> {
  readonly backend: 'share';
  readonly path: string; // where the controller mounts it
  readonly server: string;
  readonly share: string;
}

/** True if the pool's volumes lie at its path; false if only its records do. */
export function holdsVolumes(pool: Pick<PoolConfig, 'backend'>): boolean {
  return (
    pool.backend === 'directory' || pool.backend === 'image' || pool.backend === 'btrfs' || pool.backend === 'share'
  );
}

/** The pools that this node has: those that name it, and those that name no node. */
export function poolsOfNode(config: Config, nodeName: string): readonly PoolConfig[] {
  return config.pools.filter(({ nodes }) => nodes === undefined || nodes.includes(nodeName));
}
