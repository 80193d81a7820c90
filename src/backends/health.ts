import { errnoOf } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { MountEntry } from '../host/mounts.ts';
import { diskName, readSmall } from './sysfs.ts';

/** What a file system that shut itself down answers to everything (XFS). EUCLEAN: damage that was met just now. */
const SHUT_DOWN: ReadonlySet<string | undefined> = new Set(['EIO', 'ESHUTDOWN', 'EUCLEAN']);

/** Super options with which ext4 says that it gave up (since Linux 6.10). */
const GIVEN_UP = ['emergency_ro', 'shutdown'];

/** What SCSI and NVMe say of a device that will not answer any more (/sys/block/<disk>/device/state). */
const DEAD_STATES: ReadonlySet<string> = new Set([
  'offline',
  'transport-offline',
  'cancel',
  'deleted',
  'deleting',
  'dead',
]);

const REPAIR: Readonly<Record<string, string>> = {
  ext3: 'e2fsck -f',
  ext4: 'e2fsck -f',
  xfs: 'xfs_repair',
  btrfs: 'btrfs check',
};

/**
 * Words for what is wrong with a mounted local file system or the disk under it, and what to do; undefined where nothing is. It asks the kernel's memory alone
 * (the root's inode, /proc, /sys): no disk is waited for. Not for network file systems.
 * @param mount where it is mounted, and that must be seen to be so: the path is looked at
 * @param mustWrite false where a read-only file system is as wanted
 */
export async function fileSystemProblem(
  host: Host,
  mount: MountEntry,
  mustWrite: boolean,
): Promise<string | undefined> {
  const name = `the ${mount.fsType} file system at ${mount.mountPoint}`;
  const disk = await diskOf(host, mount.device);
  if (disk?.problem !== undefined) return `${name}: ${disk.problem}`;
  const todo = `see the kernel log (dmesg), stop the pods that use it, unmount it, run ${REPAIR[mount.fsType] ?? 'fsck'}${disk === undefined ? '' : ` /dev/${disk.name}`} and mount it again`;
  if (await isShutDown(host, mount)) return `${name} was shut down after an error, nothing in it can be used: ${todo}`;
  const ext4 = mount.fsType === 'ext4' && disk !== undefined ? await lookAtExt4(host, disk.name) : undefined;
  if ([...mount.superOptions, ...(ext4?.options ?? [])].some((option) => GIVEN_UP.includes(option))) {
    return `${name} stopped writing after an error: ${todo}`;
  }
  if (mustWrite && (await isReadOnly(host, mount, ext4?.options))) {
    return `${name} is read-only, as after an error: ${todo}`;
  }
  if (ext4 !== undefined && ext4.errors > 0) {
    return `${name} has met ${ext4.errors} errors, the last in ${ext4.lastFunction}, since it was last checked: ${todo}`;
  }
  return undefined;
}

/**
 * The same for a device's file system, by all its mounts; undefined where it is not mounted. One mount tells, best one that may be written: read-only binds
 * are as pods wanted them.
 */
export async function mountedProblem(host: Host, mounts: readonly MountEntry[]): Promise<string | undefined> {
  const writable = mounts.find(({ options }) => options.includes('rw'));
  const mount = writable ?? mounts[0];
  return mount && fileSystemProblem(host, mount, writable !== undefined);
}

interface Disk {
  readonly name: string; // loop0, sda1, dm-3
  readonly problem: string | undefined;
}

/** The block device under a mount; undefined for a file system without one of its own (btrfs, tmpfs). */
async function diskOf(host: Host, device: string): Promise<Disk | undefined> {
  if (device.startsWith('0:')) return undefined;
  const folder = `/sys/dev/block/${device}`;
  const name = await diskName(host, device);
  if (name === undefined) {
    return { name: device, problem: `its disk (${device}) is gone: attach it again, or restore from a backup` };
  }
  // A partition's disk is the folder above.
  const state =
    (await readSmall(host, `${folder}/device/state`)) ?? (await readSmall(host, `${folder}/../device/state`));
  if (state === undefined || !DEAD_STATES.has(state.trim())) return { name, problem: undefined };
  return {
    name,
    problem: `its disk /dev/${name} is ${state.trim()}: check its cable and the kernel log, or replace it`,
  };
}

async function isShutDown(host: Host, mount: MountEntry): Promise<boolean> {
  try {
    await host.files.stat(mount.mountPoint);
    return false;
  } catch (error) {
    if (SHUT_DOWN.has(errnoOf(error))) return true;
    throw error;
  }
}

/** The superblock's state: that of the mount is somebody's wish. The mount table's copy may be old, since the kernel announces no change by itself. */
async function isReadOnly(host: Host, mount: MountEntry, ext4Options: readonly string[] = []): Promise<boolean> {
  if (mount.superOptions.includes('ro') || ext4Options[0] === 'ro') return true;
  return !(await host.files.isWritable(mount.mountPoint));
}

async function lookAtExt4(host: Host, disk: string) {
  const options = (await readSmall(host, `/proc/fs/ext4/${disk}/options`)) ?? '';
  const errors = Number.parseInt((await readSmall(host, `/sys/fs/ext4/${disk}/errors_count`)) ?? '0', 10);
  const lastFunction = (await readSmall(host, `/sys/fs/ext4/${disk}/last_error_func`))?.trim() ?? '';
  return {
    options: options.split('\n'),
    errors: Number.isSafeInteger(errors) ? errors : 0,
    lastFunction: lastFunction || '?',
  };
}
