import type { Host } from '../../host/host.ts';
import type { LoopDevice } from '../../host/loop.ts';
import type { MountEntry } from '../../host/mounts.ts';
import { formatBytes } from './format.ts';

/** The mounts at or beneath a folder, in the order in which they were made. */
export async function mountsBeneath(host: Host, folder: string): Promise<MountEntry[]> {
  const table = await host.mounts.table();
  return table.entries.filter(({ mountPoint }) => mountPoint === folder || mountPoint.startsWith(`${folder}/`));
}

/** The loop devices whose file lies beneath a folder, deleted files included (the kernel appends ` (deleted)`). */
export async function loopsBeneath(host: Host, folder: string): Promise<LoopDevice[]> {
  return (await host.loops.list()).filter(({ backingFile }) => backingFile.startsWith(`${folder}/`));
}

/** The mount at a path as proc_pid_mountinfo(5) shows it, in short. Throws where nothing is mounted. */
export async function describeMount(host: Host, path: string): Promise<string> {
  const entry = (await host.mounts.table()).at(path);
  if (entry === undefined) throw new Error(`nothing is mounted at ${path}`);
  const root = entry.root === '/' ? '' : ` root=${entry.root}`;
  return `${entry.source} on ${entry.mountPoint} ${entry.fsType} ${entry.options.join(',')}${root}`;
}

/** What df(1) would say of the file system at a path. */
export async function describeSpace(host: Host, path: string): Promise<string> {
  const { totalBytes, freeBytes, availableBytes } = await host.files.statfs(path);
  return `size ${formatBytes(totalBytes)}, used ${formatBytes(totalBytes - freeBytes)}, available ${formatBytes(availableBytes)}`;
}

/** A sparse file's promise and what it takes: `1 GiB, of which 33.4 MiB are allocated`. */
export async function describeFile(host: Host, path: string): Promise<string> {
  const stat = await host.files.stat(path);
  if (stat === undefined) return `${path} is missing`;
  return `${path} ${formatBytes(stat.sizeBytes)}, of which ${formatBytes(stat.allocatedBytes)} are allocated`;
}

/** The size in bytes of the block device at a path, from sysfs (size is in sectors of 512 bytes). Throws where it is no block device. */
export async function blockDeviceBytes(host: Host, path: string): Promise<number> {
  const stat = await host.files.stat(path);
  if (stat?.type !== 'block') throw new Error(`${path} should be a block device and is ${stat?.type ?? 'missing'}`);
  const sectors = await host.files.read(`/sys/dev/block/${major(stat.rdev)}:${minor(stat.rdev)}/size`, 64);
  return Number(sectors) * 512;
}

/** The parts of a device number, as makedev(3) packs them (below 2^32). */
function major(device: number): number {
  return (device >>> 8) & 0xfff;
}

function minor(device: number): number {
  return (device & 0xff) | ((device >>> 12) & 0xfff00);
}
