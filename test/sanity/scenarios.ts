import { statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { NfsVersion } from '../lab/support-nfs.ts';
import { disksBeside, type PoolKind } from '../support/pools.ts';
import { THIN_POOL, volumeGroupOf } from '../support/volume-groups.ts';
import type { KernelFeature } from './kernel.ts';

/** A pool to run csi-sanity against. */
export interface Scenario {
  readonly name: string; // names its files
  readonly backend: string;
  readonly pool: PoolKind | DiskKind | ExportKind;
  /** The size of volumes, where the pool does not give any size that is asked for. */
  readonly volumeBytes?: (poolPath: string) => Promise<number>;
  /** Keys of the pool besides name, backend and path; where they depend on the pool, by its path. */
  readonly settings: Settings | ((poolPath: string) => Settings);
  /** Where it is not the local driver with one pool. */
  readonly driver?: (poolPath: string) => Served;
  readonly access: readonly Access[];
  /** Run only where its backend is named: it takes minutes in the lab, where another scenario, or the lab's own tests, try nearly the same. */
  readonly onlyNamed?: boolean;
  readonly needs?: KernelFeature; // a kernel without it leaves the scenario to the lab
  /** Cases that may be skipped, by the beginning or end of their names, with the reason. */
  readonly maySkip?: Readonly<Record<string, string>>;
}

type Settings = Readonly<Record<string, unknown>>;

/** Keys of the config besides those that all scenarios have, and what the StorageClass and its secret say. */
export interface Served {
  readonly config: Settings;
  readonly parameters: Readonly<Record<string, string>>;
  readonly secret?: Readonly<Record<string, string>>;
  /** True where it exports the pool itself. */
  readonly isManaged?: boolean;
}

/** A folder that the guest's NFS server exports, which then has this version alone: csi-sanity gives nodes no mount options. */
export type ExportKind = `nfs-${NfsVersion}`;
/** Disks beside the pool's folder, raw or with a file system mounted on each. */
export type DiskKind = 'disks-raw' | 'disks-xfs';

export const DISK_COUNT = 16;
export const DISK_BYTES = 1024 ** 3;

export type Access = 'mount' | 'block';

/** Cases of what a backend without snapshots and clones does not advertise. */
const NO_COPIES = {
  Snapshot: 'its features have no snapshots',
  GroupController: 'its features have no snapshots',
  'source snapshot': 'its features have no snapshots',
  'source volume': 'its features have no clones',
};

/** The same, of what cannot grow. */
const NO_GROWTH = { ExpandVolume: 'its features have no expansion' };

const rawDisks = (poolPath: string) => ({
  devices: Array.from({ length: DISK_COUNT }, (_, index) => join(disksBeside(poolPath), `disk-${index}`)),
});

/** Share mode, reached over one version of NFS, which names exports of 4 from their root. */
function shareOver(
  version: NfsVersion,
): Pick<Scenario, 'backend' | 'pool' | 'settings' | 'driver' | 'access' | 'needs'> {
  const driver = (poolPath: string) => ({
    config: { driver: 'nfs', trashBytesPerSecond: 0 },
    parameters: { server: '127.0.0.1', share: version === '3' ? poolPath : `/${basename(poolPath)}` },
    secret: { mountOptions: `vers=${version}` },
  });
  return { backend: 'share', pool: `nfs-${version}`, settings: {}, driver, access: ['mount'], needs: 'nfs' };
}

/** Managed mode, mounted by one version of NFS. */
function managedOver(
  version: NfsVersion,
): Pick<Scenario, 'backend' | 'pool' | 'settings' | 'driver' | 'access' | 'needs'> {
  const driver = (poolPath: string) => {
    const pools = [{ name: 'sanity', backend: 'directory', path: poolPath, trashBytesPerSecond: 0 }];
    const managed = { server: '127.0.0.1', leaseSeconds: 10, nfs3: version === '3', pools };
    return {
      ...{ config: { driver: 'nfs', managed }, parameters: { pool: 'sanity' } },
      ...{ secret: { mountOptions: `vers=${version}` }, isManaged: true },
    };
  };
  return { backend: 'directory', pool: 'xfs-quota', settings: {}, driver, access: ['mount'], needs: 'nfs' };
}

/** A backend is added here, with every way in which its pools differ. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'image-reflink',
    backend: 'image',
    pool: 'xfs',
    settings: { fsType: 'xfs' },
    access: ['mount', 'block'],
  },
  {
    name: 'image-copies',
    backend: 'image',
    pool: 'ext4',
    settings: { fsType: 'xfs', blockSizeBytes: 512 },
    access: ['mount', 'block'],
  },
  {
    name: 'image-preallocated',
    backend: 'image',
    pool: 'xfs',
    settings: { fsType: 'xfs', preallocate: true },
    access: ['mount', 'block'],
  },
  {
    name: 'image-ext4-volumes',
    backend: 'image',
    pool: 'xfs',
    settings: { fsType: 'ext4' },
    access: ['mount'],
    needs: 'ext4-growth',
  },
  {
    name: 'directory-advisory',
    backend: 'directory',
    pool: 'ext4',
    settings: { quota: 'advisory' },
    access: ['mount'],
  },
  {
    name: 'directory-xfs',
    backend: 'directory',
    pool: 'xfs-quota',
    settings: { quota: 'enforced' },
    access: ['mount'],
    needs: 'project-quota',
  },
  {
    name: 'directory-ext4',
    backend: 'directory',
    pool: 'ext4-quota',
    settings: { quota: 'enforced' },
    access: ['mount'],
    needs: 'project-quota',
    onlyNamed: true,
  },
  {
    name: 'btrfs',
    backend: 'btrfs',
    pool: 'btrfs',
    settings: { quota: 'enforced' },
    access: ['mount'],
  },
  {
    name: 'memory',
    backend: 'memory',
    pool: 'folder',
    settings: { size: '8Gi' },
    access: ['mount'],
    maySkip: NO_COPIES,
  },
  {
    name: 'lvm-thin',
    backend: 'lvm',
    pool: 'lvm-thin',
    settings: (path) => ({ volumeGroup: volumeGroupOf(path), thinPool: THIN_POOL }),
    access: ['mount'],
    onlyNamed: true,
    needs: 'device-mapper',
  },
  {
    name: 'lvm-thin-block',
    backend: 'lvm',
    pool: 'lvm-thin',
    settings: (path) => ({ volumeGroup: volumeGroupOf(path), thinPool: THIN_POOL }),
    access: ['block'],
    onlyNamed: true,
    needs: 'device-mapper',
  },
  {
    name: 'lvm-thick',
    onlyNamed: true,
    backend: 'lvm',
    pool: 'lvm-thick',
    settings: (path) => ({ volumeGroup: volumeGroupOf(path) }),
    access: ['mount'],
    needs: 'device-mapper',
    maySkip: NO_COPIES,
  },
  {
    name: 'disk-raw',
    backend: 'disk',
    pool: 'disks-raw',
    settings: (path) => ({ ...rawDisks(path), fsType: 'xfs' }),
    volumeBytes: async () => DISK_BYTES,
    access: ['mount', 'block'],
    maySkip: { ...NO_COPIES, ...NO_GROWTH },
  },
  {
    name: 'disk-raw-zeroed',
    backend: 'disk',
    pool: 'disks-raw',
    settings: (path) => ({ ...rawDisks(path), wipe: 'zero' }),
    volumeBytes: async () => DISK_BYTES,
    access: ['mount'],
    maySkip: { ...NO_COPIES, ...NO_GROWTH },
  },
  {
    name: 'disk-discovery',
    backend: 'disk',
    pool: 'disks-xfs',
    settings: (path) => ({ discovery: disksBeside(path) }),
    volumeBytes: async (path) => {
      const { blocks, bsize } = await statfs(join(disksBeside(path), 'disk-0'));
      return blocks * bsize;
    },
    access: ['mount'],
    maySkip: { ...NO_COPIES, ...NO_GROWTH },
  },
  { name: 'nfs-share', ...shareOver('4.2') },
  { name: 'nfs-share-3', onlyNamed: true, ...shareOver('3') },
  { name: 'nfs-share-4.1', onlyNamed: true, ...shareOver('4.1') },
  // The last of NFS: the guest's server has the driver's root from then on.
  { name: 'nfs-managed', ...managedOver('4.2') },
  { name: 'nfs-managed-3', onlyNamed: true, ...managedOver('3') },
];
