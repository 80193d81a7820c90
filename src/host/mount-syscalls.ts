import { closeSync, constants, openSync } from 'node:fs';
import { errnoOf } from '../errors.ts';
import { bindCall, bindSyscall, systemError } from './libc.ts';
import type { MountAttributeChange } from './mount-flags.ts';

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const AT_FDCWD = -100;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const MOVE_MOUNT_F_EMPTY_PATH = 0x04;
const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
const MOUNT_ATTR_BYTES = 32; // struct mount_attr, MOUNT_ATTR_SIZE_VER0
const POLLFD_BYTES = 8;
const POLLPRI = 0x02;
const POLLERR = 0x08;
const O_PATH = 0o10000000; // the same on x86-64 and arm64; Node does not name it
const { O_NOFOLLOW } = constants;

export const MS_REMOUNT = 0x20;
export const MS_BIND = 0x1000;
export const MS_PRIVATE = 0x40000;
export const MNT_DETACH = 2;
export const UMOUNT_NOFOLLOW = 8;

/** The system calls that mounting needs. All are synchronous; failures are SystemErrors that name the path given first. */
export interface MountSyscalls {
  /** open_tree(2): a detached clone of the mount at `fd`, not recursive. Returns its descriptor; closing that undoes the clone. */
  cloneTree(path: string, fd: number): number;
  /** mount_setattr(2) on the mount whose root `fd` is. */
  setTreeAttributes(path: string, fd: number, change: MountAttributeChange): void;
  /** mount_setattr(2) on the mount at `path`, whose last part is not followed. */
  setAttributes(path: string, change: MountAttributeChange): void;
  /** move_mount(2): attaches a detached tree at `targetFd`. */
  attachTree(path: string, treeFd: number, targetFd: number): void;
  /** mount(2) without type and data. */
  mount(source: string | null, target: string, flags: number): void;
  /** umount2(2). */
  unmount(target: string, flags: number): void;
}

const openTree = bindSyscall('open_tree', 428, 'int dfd, const char *path, unsigned int flags');
const moveMount = bindSyscall(
  'move_mount',
  429,
  'int from_dfd, const char *from_path, int to_dfd, const char *to_path, unsigned int flags',
);
const mountSetattr = bindSyscall(
  'mount_setattr',
  442,
  'int dfd, const char *path, unsigned int flags, const void *attr, size_t size',
);
const mount = bindCall(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)',
);
const umount2 = bindCall('int umount2(const char *target, int flags)');
const readlinkat = bindCall('long readlinkat(int dfd, const char *path, void *buffer, size_t size)');
const poll = bindCall('int poll(void *fds, unsigned long count, int timeout_ms)');

function mountAttr(change: MountAttributeChange): Buffer {
  const attr = Buffer.alloc(MOUNT_ATTR_BYTES); // the last is userns_fd: 0, unchanged
  attr.writeBigUInt64LE(BigInt(change.set), 0);
  attr.writeBigUInt64LE(BigInt(change.clear), 8);
  attr.writeBigUInt64LE(BigInt(change.propagation ?? 0), 16);
  return attr;
}

/** The kernel's calls. */
export const mountSyscalls: MountSyscalls = {
  cloneTree(path, fd) {
    return openTree(path, fd, '', OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  },
  setTreeAttributes(path, fd, change) {
    mountSetattr(path, fd, '', AT_EMPTY_PATH, mountAttr(change), MOUNT_ATTR_BYTES);
  },
  setAttributes(path, change) {
    mountSetattr(path, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, mountAttr(change), MOUNT_ATTR_BYTES);
  },
  attachTree(path, treeFd, targetFd) {
    moveMount(path, treeFd, '', targetFd, '', MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  },
  mount(source, target, flags) {
    mount(target, source, target, null, flags, null);
  },
  unmount(target, flags) {
    umount2(target, target, flags);
  },
};

/** readlinkat(2) with an empty path answers ENOENT where the descriptor is no link; unlike fstat(2) it never asks a server. */
function isLink(fd: number): boolean {
  try {
    readlinkat(undefined, fd, '', Buffer.alloc(1), 1);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'EINVAL') return false;
    throw error;
  }
}

/**
 * Opens `path` with O_PATH, hands the descriptor to `use`, closes it and returns what `use` returned.
 * The file itself is not touched: no device is opened and no server asked for attributes.
 * Throws ELOOP if the last part of `path` is a symbolic link, or what open(2) and `use` throw.
 */
export function withPathFd<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, O_PATH | O_NOFOLLOW);
  try {
    // With O_PATH, O_NOFOLLOW opens a link itself instead of refusing it (open(2)).
    if (isLink(fd)) throw systemError(40, 'open', path); // ELOOP
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Asks without waiting whether the mount table changed since the last call with this descriptor of /proc/self/mountinfo:
 * POLLPRI | POLLERR (proc_pid_mounts(5)). The answer is given once for each change.
 */
export function mountTableChanged(fd: number): boolean {
  const pollFd = Buffer.alloc(POLLFD_BYTES);
  pollFd.writeInt32LE(fd, 0);
  pollFd.writeInt16LE(POLLPRI | POLLERR, 4);
  try {
    poll('/proc/self/mountinfo', pollFd, 1, 0);
  } catch (error) {
    if (errnoOf(error) === 'EINTR') return true; // nothing was learnt: read anew
    throw error;
  }
  return (pollFd.readInt16LE(6) & (POLLPRI | POLLERR)) !== 0;
}
