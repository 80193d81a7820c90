import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, open, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { POOL_FOLDERS } from '../../src/pools/identity.ts';
import { isOfGroup, makeVolumeGroup, removeVolumeGroup } from './volume-groups.ts';

const run = promisify(execFile);
const FORMAT_TRIES = 20;
const FORMAT_WAIT_MS = 500;

/** `folder` is a plain folder under the temporary folder; the others are a file system of their own on a loop device; lvm: a folder with a volume group beside it. */
export type PoolKind = FileSystemKind | 'folder' | 'lvm-thin' | 'lvm-thick';
type FileSystemKind = 'xfs' | 'ext4' | 'ext4-no-journal' | 'btrfs' | 'btrfs-mixed' | 'xfs-quota' | 'ext4-quota';

export interface TestPool {
  readonly path: string;
  /** Unmounts and removes everything, also mounts and loop devices that the test left in it. May be called again. */
  readonly cleanup: () => Promise<void>;
}

const MKFS: Record<FileSystemKind, readonly string[]> = {
  xfs: ['mkfs.xfs', '-q', '-f', '-m', 'reflink=1'],
  'xfs-quota': ['mkfs.xfs', '-q', '-f', '-m', 'reflink=1'],
  ext4: ['mkfs.ext4', '-q', '-F', '-m', '0'],
  'ext4-no-journal': ['mkfs.ext4', '-q', '-F', '-m', '0', '-O', '^has_journal'],
  'ext4-quota': ['mkfs.ext4', '-q', '-F', '-m', '0', '-O', 'quota,project', '-E', 'quotatype=prjquota'],
  btrfs: ['mkfs.btrfs', '-q', '-f'],
  'btrfs-mixed': ['mkfs.btrfs', '-q', '-f', '--mixed'], // data and metadata in one place, as on small disks
};

/**
 * An empty pool for a test: a file system of that kind and size (XFS takes at least 300 MiB) with a pool's folders in it.
 * Call `cleanup` in afterEach or afterAll, also where the test failed. Needs root.
 */
export async function makePool(kind: PoolKind, sizeBytes = 1024 ** 3): Promise<TestPool> {
  const folder = await mkdtemp(join(tmpdir(), `stowage-${kind}-`));
  const path = join(folder, 'pool');
  await mkdir(path, { mode: 0o755 });
  const cleanup = () => removePool(folder);
  try {
    if (kind === 'lvm-thin' || kind === 'lvm-thick') {
      const disk = await attachNew(join(folder, 'disk.img'), sizeBytes);
      await makeVolumeGroup(path, disk, kind === 'lvm-thin');
    } else if (kind !== 'folder') await mountNew(kind, sizeBytes, join(folder, 'disk.img'), path);
    for (const name of POOL_FOLDERS) await mkdir(join(path, name), { recursive: true, mode: 0o700 });
    return { path, cleanup };
  } catch (error) {
    await cleanup();
    throw error;
  }
}

async function mountNew(kind: FileSystemKind, sizeBytes: number, file: string, path: string) {
  await writeFile(file, '');
  const handle = await open(file, 'r+');
  try {
    await handle.truncate(sizeBytes);
  } finally {
    await handle.close();
  }
  await format(MKFS[kind], file);
  await run('mount', ['-o', mountOptions(kind), file, path]);
}

/** mkfs.btrfs looks at all mounted loop devices, and fails at those whose disk another test is just taking away. */
async function format([program = '', ...args]: readonly string[], file: string): Promise<void> {
  for (let triesLeft = FORMAT_TRIES; ; triesLeft--) {
    try {
      await run(program, [...args, file]);
      return;
    } catch (error) {
      if (triesLeft === 0 || !/cannot check mount status/.test(String(error))) throw error;
      await sleep(FORMAT_WAIT_MS);
    }
  }
}

/**
 * No test cuts the power under it: btrfs, which writes a whole transaction for much that others put into a journal, need not wait for the disk under
 * its file. Each second, not each 30, it frees what is deleted: qgroups of earlier tests would stay, and be swept in later ones.
 */
function mountOptions(kind: FileSystemKind): string {
  if (kind.startsWith('btrfs')) return 'loop,nobarrier,commit=1';
  return kind.endsWith('-quota') ? 'loop,prjquota' : 'loop';
}

/** Disks for a pool of backend disk: links to loop devices, or a folder with file systems mounted in it. */
export interface TestDisks extends TestPool {
  /** Where the links or mount points are: disk-0, disk-1, ... */
  readonly folder: string;
  /** The file of a disk. */
  readonly image: (name: string) => string;
  /** Adds another disk. @returns its link or mount point */
  readonly add: (name: string, sizeBytes: number) => Promise<string>;
}

/** A pool's folder with `count` sparse disks beside it: raw, or each with a file system mounted. Clean up as for makePool. */
export async function makeDisks(kind: 'raw' | 'xfs' | 'ext4', count: number, sizeBytes: number): Promise<TestDisks> {
  const base = await mkdtemp(join(tmpdir(), `stowage-disks-${kind}-`));
  const path = join(base, 'pool');
  const folder = disksBeside(path);
  const image = (name: string) => join(base, 'images', name);
  const add = async (name: string, bytes: number) => {
    const place = join(folder, name);
    if (kind === 'raw') await symlink(await attachNew(image(name), bytes), place);
    else {
      await mkdir(place);
      await mountNew(kind, bytes, image(name), place);
    }
    return place;
  };
  const cleanup = () => removePool(base);
  try {
    await chmod(base, 0o711); // a writer of no name reaches what is mounted in it
    for (const name of [folder, join(base, 'images')]) await mkdir(name, { recursive: true });
    for (const name of POOL_FOLDERS) await mkdir(join(path, name), { recursive: true, mode: 0o700 });
    for (let index = 0; index < count; index++) await add(`disk-${index}`, sizeBytes);
    return { path, folder, image, add, cleanup };
  } catch (error) {
    await cleanup();
    throw error;
  }
}

/** Where makeDisks has the disks of a pool. */
export function disksBeside(poolPath: string): string {
  return join(dirname(poolPath), 'disks');
}

/** A sparse file on a loop device, as a disk. */
async function attachNew(file: string, sizeBytes: number): Promise<string> {
  await writeFile(file, '');
  await truncate(file, sizeBytes);
  const { stdout } = await run('losetup', ['--show', '--find', file]);
  return stdout.trim();
}

/** Unmounts the volumes in the pool and lets go of their loop devices, while these still show the path of their file; then the pool itself. */
async function removePool(folder: string): Promise<void> {
  const volumes = [...(await loopsBeneath(join(folder, 'pool'))), ...(await loopsBeneath(join(folder, 'images')))];
  for (const device of volumes) {
    await unmountAll((source) => source === device || source === `devtmpfs[${device.replace('/dev', '')}]`);
    await run('losetup', ['-d', device]).catch(ignoreDetached); // one that mount(8) attached goes with its mount
  }
  await unmountAll((_source, target) => target.startsWith(`${folder}/`));
  if (basename(folder).startsWith('stowage-lvm-')) {
    await unmountAll((source) => isOfGroup(join(folder, 'pool'), source));
    await removeVolumeGroup(join(folder, 'pool'));
  }
  for (const device of await loopsBeneath(folder)) await run('losetup', ['-d', device]);
  await rm(folder, { recursive: true, force: true });
}

/** Unmounts what fits, last mounted first; at once, or as soon as it is not in use any more. */
async function unmountAll(fits: (source: string, target: string) => boolean): Promise<void> {
  const { stdout } = await run('findmnt', ['-rn', '-o', 'SOURCE,TARGET']);
  const targets = stdout.split('\n').flatMap((line) => {
    const [source = '', target = ''] = line.split(' ');
    return fits(source, target) ? [target] : [];
  });
  for (const target of targets.reverse()) await run('umount', [target]).catch(() => run('umount', ['-l', target]));
}

function ignoreDetached(error: unknown): void {
  if (!/No such device/.test(String(error))) throw error;
}

async function loopsBeneath(folder: string): Promise<string[]> {
  if ((await readdir('/sys/block')).every((name) => !name.startsWith('loop'))) return [];
  const { stdout } = await run('losetup', ['-n', '-O', 'NAME,BACK-FILE', '-l']);
  return stdout.split('\n').flatMap((line) => {
    const [name = '', backing = ''] = line.trim().split(/\s+/);
    return backing.startsWith(`${folder}/`) ? [name] : [];
  });
}

/** What findmnt(8) says of a mount point in that column. */
export async function findmnt(column: 'SOURCE' | 'OPTIONS', mountPoint: string): Promise<string> {
  return (await run('findmnt', ['-nro', column, mountPoint])).stdout.trim();
}

/** Shuts the file system down as a broken disk or a cut of its power does: what its journal has not written is lost (xfs_io(8), also for ext4). */
export async function shutDown(mountPoint: string): Promise<void> {
  await run('xfs_io', ['-x', '-c', 'shutdown', mountPoint]);
}
