import { join } from 'node:path';
import type { Cleanup } from '../src/cli/demo/cleanup.ts';
import { loopsBeneath, mountsBeneath } from '../src/cli/demo/kernel.ts';
import type { Host } from '../src/host/host.ts';

export type PoolFileSystem = 'xfs' | 'btrfs' | 'tmpfs';

/** Where disks and file systems are made, and what removes them. */
export interface Place {
  readonly folder: string; // exists
  readonly sizeBytes: number; // of each
  readonly cleanup: Cleanup;
}

const UNDO_TIMEOUT_MS = 30_000;
const NEVER = new AbortController().signal;

/** Everything that is mounted or attached beneath the folder in the end, volumes of a run that was broken off included, goes. */
export function releaseInTheEnd(host: Host, { folder, cleanup }: Pick<Place, 'folder' | 'cleanup'>): void {
  cleanup.add(`loop devices beneath ${folder}`, async () => {
    for (const { path } of await loopsBeneath(host, folder)) await undo(host, 'losetup', ['-d', path]);
  });
  cleanup.add(`mounts beneath ${folder}`, async () => {
    // A pool's own mount is older than those of its volumes: it is the last to go.
    for (const { mountPoint } of (await mountsBeneath(host, folder)).reverse())
      await undo(host, 'umount', [mountPoint]);
  });
}

/** A file system of its own, mounted beneath the place's folder: on a new disk, or in memory. @returns where it is mounted */
export async function makePoolFileSystem(host: Host, kind: PoolFileSystem, place: Place): Promise<string> {
  const path = join(place.folder, 'pool');
  await host.files.makeFolder(path, 0o755);
  await host.commands.run('mount', [...(await sourceOf(host, kind, place)), path], { signal: NEVER });
  return path;
}

async function sourceOf(host: Host, kind: PoolFileSystem, place: Place): Promise<string[]> {
  if (kind === 'tmpfs') return ['-t', 'tmpfs', '-o', `size=${place.sizeBytes}`, 'bench'];
  const disk = await makeDisk(host, 'pool.img', place);
  await host.commands.run(`mkfs.${kind}`, [...(kind === 'xfs' ? ['-m', 'reflink=1'] : []), '-q', '-f', disk], {
    signal: NEVER,
  });
  return ['-t', kind, disk];
}

/** A blank disk: a sparse file on a loop device with direct I/O. @returns the device */
export async function makeDisk(host: Host, name: string, { folder, sizeBytes }: Place): Promise<string> {
  const file = join(folder, name);
  await host.files.createSparse(file, sizeBytes);
  return (await host.loops.attach(file, { blockSizeBytes: 512, readOnly: false })).path;
}

/** A volume group of one disk that is a thin pool for the most part. @returns its name */
export async function makeThinPool(host: Host, thinPool: string, place: Place): Promise<string> {
  const group = `stowage-bench-${process.pid}`;
  const disk = await makeDisk(host, 'group.img', place);
  const lvm = (program: string, ...args: string[]) =>
    host.commands.run(program, ['--yes', '-qq', ...args], { signal: NEVER });
  await lvm('vgcreate', group, disk);
  place.cleanup.add(`volume group ${group}`, () => undo(host, 'vgremove', ['--yes', '-qq', '--force', group]));
  await lvm('lvcreate', '--type', 'thin-pool', '--extents', '90%VG', '--name', thinPool, group);
  return group;
}

async function undo(host: Host, program: string, args: readonly string[]): Promise<void> {
  await host.commands.run(program, args, { signal: AbortSignal.timeout(UNDO_TIMEOUT_MS) });
}
