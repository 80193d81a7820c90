import { type ErrorCode, errnoOf, isStowageError, messageOf, StowageError } from '../errors.ts';
import { bindAndRemount, bindOpened, bindOpenedAndRemount, bindTree, remount, whereMissing } from './bind-mount.ts';
import type { Commands } from './command.ts';
import { mountDevice, requireAbsolute, unmountDevice } from './device-mount.ts';
import type { OpenPath } from './files.ts';
import { type MemoryLimits, mountMemory, resizeMemory } from './memory-mount.ts';
import { attributeChange } from './mount-flags.ts';
import { MNT_DETACH, type MountSyscalls, mountSyscalls, UMOUNT_NOFOLLOW } from './mount-syscalls.ts';
import { createMountTableReader } from './mountinfo.ts';

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)), with octal escapes resolved. */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  readonly device: string; // major:minor
  readonly root: string; // the path within the file system that is mounted here
  readonly mountPoint: string;
  readonly options: readonly string[]; // per-mount: ro, nosuid, noatime, ...
  readonly fsType: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** A snapshot of the mount table. */
export interface MountTable {
  readonly entries: readonly MountEntry[];
  /** The topmost mount at exactly this mount point. */
  at(path: string): MountEntry | undefined;
  /** The mount on which this path lies (longest mount point that is a prefix); the path itself is not touched. */
  containing(path: string): MountEntry;
}

/** Per-mount flags (mount_setattr(2)); the rest of a user's mount options belong to the superblock. */
export const PER_MOUNT_FLAGS = [
  'ro',
  'rw',
  'nosuid',
  'suid',
  'nodev',
  'dev',
  'noexec',
  'exec',
  'noatime',
  'relatime',
  'strictatime',
  'nodiratime',
  'diratime',
  'nosymfollow',
  'symfollow',
] as const;
export type PerMountFlag = (typeof PER_MOUNT_FLAGS)[number];

export interface Mounts {
  /** The mount table now: parsed anew only if the kernel says that it changed (poll(2) on mountinfo). */
  table(): Promise<MountTable>;
  /**
   * Binds `source` (folder, file or device node) on `target`, not recursively, with the flags in effect from the first moment:
   * open_tree, mount_setattr, move_mount; where the kernel lacks those, bind and remount. `source` is opened with O_PATH, its last part not followed if it is a link.
   */
  bind(source: string, target: string, flags: readonly PerMountFlag[]): Promise<void>;
  /**
   * Binds what is open, whatever lies at its path by now, not recursively and with the flags in effect as `bind` does. Later mounts and unmounts beneath
   * the origin are not seen beneath the target, nor the reverse.
   */
  bindOpened(source: OpenPath, target: string, flags: readonly PerMountFlag[]): Promise<void>;
  /** Changes the per-mount flags of the mount at `target`. */
  setFlags(target: string, flags: readonly PerMountFlag[]): Promise<void>;
  /** umount2(target, UMOUNT_NOFOLLOW), then with MNT_DETACH if busy, in-process; nothing where it is no mount point (EINVAL, ENOENT). For binds: never waits for a server or disk. */
  detach(target: string): Promise<void>;
  /** mount(8) of a block device, in a child with a deadline. `options` are comma-free single options. */
  mountDevice(
    device: string,
    target: string,
    fsType: string,
    options: readonly string[],
    signal: AbortSignal,
  ): Promise<void>;
  /** umount(8) of a device's last mount, which writes back what is dirty, in a child with a deadline. 'busy' StowageError where EBUSY; nothing where it is no mount point. */
  unmountDevice(target: string, signal: AbortSignal): Promise<void>;
  /** Mounts an empty tmpfs, complete from the first moment: its limits, its root's mode, nosuid, nodev, and noswap where the kernel has it. */
  mountMemory(target: string, limits: MemoryLimits, mode: number): Promise<void>;
  /** Gives the tmpfs at `target` other limits. 'precondition' where none is mounted there, or where it holds more. */
  resizeMemory(target: string, limits: MemoryLimits): Promise<void>;
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  EBUSY: 'busy',
  EINVAL: 'precondition',
  ELOOP: 'precondition',
  ENOENT: 'not-found',
  ENOTDIR: 'precondition',
  ENOSPC: 'exhausted', // the limit fs.mount-max
};

/** Runs `act`, and puts what was asked and the domain's code around a system call's error. */
function explained(asked: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (isStowageError(error)) throw error;
    throw new StowageError(CODES[errnoOf(error) ?? ''] ?? 'internal', `cannot ${asked}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** umount2(2), for each of `flags` in turn while the mount is busy. */
function unmountWith(calls: MountSyscalls, target: string, flags: number, flagsIfBusy: number): void {
  try {
    calls.unmount(target, flags);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EINVAL' || errno === 'ENOENT') return; // no mount point, or nothing there at all
    if (errno !== 'EBUSY' || flags === flagsIfBusy) throw error;
    unmountWith(calls, target, flagsIfBusy, flagsIfBusy);
  }
}

/**
 * The mounts of this process's mount namespace. Binds, flags and detaching are system calls of this process (0.1 ms); devices are
 * mounted and unmounted by children. Failures are StowageErrors: 'not-found' (ENOENT), 'precondition' (a link, a folder on a file, no mount
 * point), 'busy', 'exhausted', 'invalid' or 'internal', with the system's error as cause; those of children as Commands says.
 * @param commands runs mount(8) and umount(8)
 * @param calls the kernel's calls
 */
export function createMounts(commands: Commands, calls: MountSyscalls = mountSyscalls): Mounts {
  const reader = createMountTableReader();
  let reading: Promise<MountTable> | undefined;
  return {
    async table() {
      const unchanged = reading === undefined ? reader.unchanged() : undefined;
      if (unchanged !== undefined) return unchanged;
      // Calls of one turn of the event loop share a read: each is answered with a table of after it was asked for.
      reading ??= new Promise((resolve, reject) => {
        setImmediate(() => {
          reading = undefined;
          try {
            resolve(reader.read());
          } catch (error) {
            reject(error);
          }
        });
      });
      return reading;
    },
    async bind(source, target, flags) {
      requireAbsolute(source, 'source');
      requireAbsolute(target, 'target');
      explained(`bind ${source} on ${target}`, () =>
        whereMissing(
          () => bindTree(calls, source, target, flags),
          () => bindAndRemount(calls, source, target, flags),
        ),
      );
    },
    async bindOpened(source, target, flags) {
      requireAbsolute(target, 'target');
      explained(`bind ${source.path} on ${target}`, () =>
        whereMissing(
          () => bindOpened(calls, source, target, flags),
          () => bindOpenedAndRemount(calls, source, target, flags),
        ),
      );
    },
    async setFlags(target, flags) {
      requireAbsolute(target, 'target');
      explained(`set ${flags.join(',')} on the mount at ${target}`, () =>
        whereMissing(
          () => calls.setAttributes(target, attributeChange(flags)),
          () => remount(calls, target, flags),
        ),
      );
    },
    async detach(target) {
      requireAbsolute(target, 'target');
      explained(`detach the mount at ${target}`, () =>
        unmountWith(calls, target, UMOUNT_NOFOLLOW, UMOUNT_NOFOLLOW | MNT_DETACH),
      );
    },
    mountDevice: (device, target, fsType, options, signal) =>
      mountDevice(commands, device, target, fsType, options, signal),
    unmountDevice: (target, signal) => unmountDevice(commands, target, signal),
    async mountMemory(target, limits, mode) {
      requireAbsolute(target, 'target');
      explained(`mount a tmpfs of ${limits.sizeBytes} bytes at ${target}`, () => mountMemory(target, limits, mode));
    },
    async resizeMemory(target, limits) {
      requireAbsolute(target, 'target');
      const there = reader.read().at(target);
      if (there?.fsType !== 'tmpfs')
        throw new StowageError('precondition', `cannot resize the tmpfs at ${target}: none is mounted there`);
      explained(`make the tmpfs at ${target} ${limits.sizeBytes} bytes large`, () =>
        resizeMemory(target, limits, there),
      );
    },
  };
}
