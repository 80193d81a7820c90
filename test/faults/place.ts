import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CONFIG_SCHEMAS, type Config } from '../../src/config/schema.ts';
import { parseMountTable } from '../../src/host/mountinfo.ts';
import { takeServer } from '../lab/support-exports.ts';
import { unmountBeneath } from '../support/driver.ts';
import { disksBeside, makeDisks, makePool, type TestPool } from '../support/pools.ts';
import { THIN_POOL, volumeGroupOf } from '../support/volume-groups.ts';
import { SHARE_POOL } from './share.ts';

const run = promisify(execFile);

/** What each backend's pool lies on, and its config. A new backend is one entry here, and its kinds and scenarios in scenarios.ts. */
const POOLS: Readonly<Record<BackendName, PoolOf>> = {
  image: { make: () => makePool('xfs', POOL_BYTES), keys: () => ({ backend: 'image', fsType: 'xfs' }) },
  // On the machine's own file system, without enforced sizes.
  directory: { make: () => makePool('folder'), keys: () => ({ backend: 'directory', quota: 'advisory' }) },
  btrfs: { make: () => makePool('btrfs', POOL_BYTES), keys: () => ({ backend: 'btrfs' }) },
  memory: { make: () => makePool('folder'), keys: () => ({ backend: 'memory', size: '1Gi' }) },
  disk: { make: () => makeDisks('raw', DISKS, DISK_BYTES), keys: disksOf },
  'mounted disk': { make: () => makeDisks('ext4', DISKS, DISK_BYTES), keys: disksOf },
  'directory with quotas': { make: () => makePool('xfs-quota', POOL_BYTES), keys: () => ({ backend: 'directory' }) },
  share: { make: makeShare, keys: () => ({}) },
  'served directory': { make: () => makePool('xfs-quota', POOL_BYTES), keys: () => ({ backend: 'directory' }) },
  'served btrfs': { make: () => makePool('btrfs', POOL_BYTES), keys: () => ({ backend: 'btrfs' }) },
  lvm: {
    make: () => makePool('lvm-thin', POOL_BYTES),
    keys: (pool) => ({ backend: 'lvm', volumeGroup: volumeGroupOf(pool), thinPool: THIN_POOL, overcommit: 1 }),
  },
  'thick lvm': {
    make: () => makePool('lvm-thick', POOL_BYTES),
    keys: (pool) => ({ backend: 'lvm', volumeGroup: volumeGroupOf(pool), overcommit: 1 }),
  },
};

interface PoolOf {
  readonly make: () => Promise<TestPool>;
  /** The keys of the pool at this path, besides those that all have. */
  readonly keys: (pool: string) => Readonly<Record<string, unknown>>;
}

export const BACKEND_NAMES = ['image', 'directory', 'btrfs', 'memory', 'disk', 'mounted disk', 'share'] as const;
/** Those whose kernel parts only the lab has for certain. */
export const LAB_BACKEND_NAMES = ['directory with quotas', 'lvm', 'thick lvm'] as const;
/** Pools that the NFS driver exports by the lab's own server. */
export const SERVED_BACKEND_NAMES = ['served directory', 'served btrfs'] as const;
export const ALL_BACKEND_NAMES = [...BACKEND_NAMES, ...LAB_BACKEND_NAMES, ...SERVED_BACKEND_NAMES] as const;
export type BackendName = (typeof ALL_BACKEND_NAMES)[number];

const DISKS = 3;
const DISK_BYTES = 16 * 1024 ** 2;

function disksOf(pool: string) {
  return { backend: 'disk', discovery: disksBeside(pool), overcommit: 1 };
}

/** A share that nobody has used. */
async function makeShare(): Promise<TestPool> {
  const pool = await makePool('xfs', POOL_BYTES);
  for (const name of await readdir(pool.path)) await rm(join(pool.path, name), { recursive: true });
  return pool;
}

/** What a driver's config follows from: it passes through JSON to a process of its own. */
export interface Paths {
  readonly backend: BackendName;
  readonly pool: string;
  readonly work: string;
}

/** Where the scenarios of one backend run: a pool, a state folder, and a folder for staging and target paths. */
export interface Place extends Paths {
  readonly cleanup: () => Promise<void>;
}

const POOL_BYTES = 1024 ** 3;
/** Of the server that exports pools, which the nodes are on, too. */
export const SERVER_ADDRESS = '127.0.0.1';

/** Needs root. */
export async function makePlace(backend: BackendName): Promise<Place> {
  const pool = await POOLS[backend].make();
  const giveBack = isServed(backend) ? await takeServer() : undefined;
  const folder = await mkdtemp(join(tmpdir(), 'stowage-faults-'));
  for (const name of ['state', 'staging', 'targets']) await mkdir(join(folder, name));
  return {
    backend,
    pool: pool.path,
    work: folder,
    cleanup: async () => {
      await thawAll(folder);
      await giveBack?.();
      if (backend === 'share' || isServed(backend)) await unmountBeneath(folder);
      await pool.cleanup(); // with all mounts of its volumes
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Volumes are sparse and nearly empty, so that they may be promised many times over; nothing shall wait for the throttle of the trash. */
export function configInput({ backend, pool, work }: Paths) {
  const common = { name: 'faults.stowage.test', stateDir: join(work, 'state') };
  if (backend === 'share') return { driver: 'nfs', ...common, trashBytesPerSecond: 0 };
  const keys = POOLS[backend].keys(pool);
  const pools = [{ name: 'pool', path: pool, overcommit: 100, trashBytesPerSecond: 0, ...keys }];
  if (isServed(backend))
    return { driver: 'nfs', ...common, managed: { server: SERVER_ADDRESS, leaseSeconds: 10, pools } };
  return { driver: 'local', ...common, pools };
}

export function configOf(paths: Paths): Config {
  const input = configInput(paths);
  return input.driver === 'nfs' ? CONFIG_SCHEMAS.nfs.parse(input) : CONFIG_SCHEMAS.local.parse(input);
}

/** A file system that is unmounted while it is frozen keeps its device for good. */
async function thawAll(folder: string): Promise<void> {
  const { entries } = parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'));
  for (const { mountPoint, source } of entries) {
    if (mountPoint.startsWith(`${folder}/`) && source.startsWith('/dev/loop'))
      await run('fsfreeze', ['--unfreeze', mountPoint]).catch(() => undefined); // it was not frozen
  }
}

/** True where volumes are exported from a pool of the driver's own. */
export function isServed(backend: BackendName): boolean {
  return SERVED_BACKEND_NAMES.some((name) => name === backend);
}

/** True where volumes are logical volumes. */
export function isLvm(backend: BackendName): boolean {
  return backend === 'lvm' || backend === 'thick lvm';
}

/** The call that moves a folder to the trash. */
export function toTrash({ backend }: Pick<Paths, 'backend'>): 'files.rename' | 'files.moveFolder' {
  return backend === 'share' ? 'files.moveFolder' : 'files.rename';
}

/** The name of the pool that the volumes are in. */
export function poolNameOf({ backend }: Pick<Paths, 'backend'>): string {
  return backend === 'share' ? SHARE_POOL : 'pool';
}

/** The one entry of a folder whose name begins with `<name>-`; on a share a volume's name is that of its folder. */
export async function itemPath(
  { backend, pool }: Paths,
  place: 'volumes' | 'snapshots',
  name: string,
): Promise<string> {
  if (backend === 'share' && place === 'volumes') return join(pool, name);
  const folder = join(pool, backend === 'share' ? '.stowage/copies' : place);
  const found = (await readdir(folder)).filter((entry) => entry.startsWith(`${name}-`));
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`${folder} has ${found.length} entries of ${name}`);
  return join(folder, only);
}
