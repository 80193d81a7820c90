import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { Disk } from '../../host/disks.ts';
import type { MountEntry, MountTable } from '../../host/mounts.ts';
import type { DiskPool } from './context.ts';
import { formatDiskId } from './id.ts';
import { readMarker } from './marker.ts';

/** A whole disk or partition, by a stable name. */
export interface RawDisk {
  readonly type: 'device';
  readonly name: string; // its link
  readonly id: string;
  readonly sizeBytes: number;
  readonly disk: Disk;
}

/** A file system mounted beneath the discovery folder. */
export interface MountedDisk {
  readonly type: 'folder';
  readonly name: string; // its mount point
  readonly id: string; // with a new UUID where it has none yet
  readonly uuid: string | undefined;
  readonly sizeBytes: number;
  readonly mount: MountEntry;
}

export type FoundDisk = RawDisk | MountedDisk;

/** What is there now, in use or not, and what cannot be a disk of the pool, with the reason. */
export interface Look {
  readonly disks: readonly FoundDisk[];
  readonly refused: ReadonlyMap<string, string>; // by name
  readonly table: MountTable;
}

/** Names of devices that another disk may have after a restart: all but links, and device mapper's nodes. */
const STABLE_NODES = '/dev/mapper/';
/** File systems that outlive a restart. */
const LASTING = ['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'f2fs', 'zfs', 'bcachefs'];
const STATFS_TIMEOUT_MS = 5_000;

/** Looks at the devices of the config and at what is in the discovery folder. Nothing is remembered: what appears needs no restart. */
export async function look(pool: DiskPool): Promise<Look> {
  const { settings, host } = pool;
  const table = await host.mounts.table();
  const disks: FoundDisk[] = [];
  const refused = new Map<string, string>();
  const byNumber = new Map<string, string>();
  const add = async (name: string, find: () => Promise<FoundDisk | string>) => {
    const found = await find().catch(messageOf);
    if (typeof found === 'string') return void refused.set(name, found);
    const number = found.type === 'device' ? found.disk.number : found.mount.device;
    const first = byNumber.get(number);
    if (first !== undefined) return void refused.set(name, `it is the same disk as ${first}`);
    byNumber.set(number, name);
    disks.push(found);
  };
  for (const path of settings.devices) await add(path, () => findDevice(pool, path));
  const { discovery } = settings;
  if (discovery !== undefined && (await host.files.stat(discovery)) === undefined) {
    refused.set(discovery, 'the discovery folder is missing');
  }
  for (const path of await discovered(pool)) {
    const mount = table.at(path);
    await add(path, () => (mount === undefined ? findDevice(pool, path) : findMounted(pool, mount)));
  }
  return { disks, refused, table };
}

/** The entries of the discovery folder, as mountinfo names them. */
export async function discovered(pool: DiskPool): Promise<string[]> {
  const { discovery } = pool.settings;
  if (discovery === undefined) return [];
  const { files } = pool.host;
  return Promise.all((await files.list(discovery)).map((name) => files.resolveParent(join(discovery, name))));
}

async function findDevice(pool: DiskPool, path: string): Promise<RawDisk | string> {
  const there = await pool.host.files.stat(path);
  if (there === undefined) return 'it is missing';
  if (there.type === 'folder') return 'no file system is mounted there';
  if (there.type !== 'link' && !(there.type === 'block' && path.startsWith(STABLE_NODES))) {
    return there.type === 'block'
      ? 'it is a name that another disk may have after a restart: use a link such as those in /dev/disk/by-id'
      : `it is a ${there.type}, neither a mounted file system nor a link to a disk`;
  }
  const disk = await pool.host.disks.find(path);
  if (disk === undefined) return 'it leads to no disk';
  const id = formatDiskId({ type: 'device', path, hardwareId: disk.hardwareId });
  return { type: 'device', name: path, id, sizeBytes: disk.sizeBytes, disk };
}

async function findMounted(pool: DiskPool, mount: MountEntry): Promise<MountedDisk | string> {
  const { mountPoint, fsType } = mount;
  if (!LASTING.includes(fsType)) return `a file system of type ${fsType} does not keep its data on a disk`;
  const uuid = await readMarker(pool, mount);
  const { totalBytes } = await pool.statfs(mountPoint, AbortSignal.timeout(STATFS_TIMEOUT_MS));
  const id = formatDiskId({ type: 'folder', uuid: uuid ?? randomUUID(), mountPoint });
  return { type: 'folder', name: mountPoint, id, uuid, sizeBytes: totalBytes, mount };
}
