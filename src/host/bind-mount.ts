import { closeSync, openSync, readFileSync } from 'node:fs';
import { errnoOf, StowageError } from '../errors.ts';
import type { OpenPath } from './files.ts';
import { attributeChange, type MountAttributeChange, remountFlags } from './mount-flags.ts';
import {
  MNT_DETACH,
  type MountSyscalls,
  MS_BIND,
  MS_PRIVATE,
  MS_REMOUNT,
  UMOUNT_NOFOLLOW,
  withPathFd,
} from './mount-syscalls.ts';
import { readMountTable } from './mountinfo.ts';
import type { MountEntry, PerMountFlag } from './mounts.ts';

/** Binds `source` on `target`, with `flags` in effect before anyone can see the mount. Throws SystemErrors, ENOSYS before Linux 5.12. */
export function bindTree(calls: MountSyscalls, source: string, target: string, flags: readonly PerMountFlag[]): void {
  const tree = withPathFd(source, (fd) => calls.cloneTree(source, fd));
  const change = flags.length > 0 ? attributeChange(flags) : undefined;
  attach(calls, source, tree, target, change);
}

/** The same for what is open (O_PATH), and cut off from the mounts of its origin: what is mounted or unmounted beneath one is not beneath the other. */
export function bindOpened(
  calls: MountSyscalls,
  source: OpenPath,
  target: string,
  flags: readonly PerMountFlag[],
): void {
  const tree = calls.cloneTree(source.path, source.fd);
  attach(calls, source.path, tree, target, { ...attributeChange(flags), propagation: MS_PRIVATE });
}

function attach(
  calls: MountSyscalls,
  source: string,
  tree: number,
  target: string,
  change: MountAttributeChange | undefined,
): void {
  try {
    if (change !== undefined) calls.setTreeAttributes(source, tree, change);
    withPathFd(target, (fd) => calls.attachTree(target, tree, fd));
  } finally {
    closeSync(tree); // an unattached clone ends here
  }
}

/** The entry of the mount at `fd`, by the mount id that the kernel says (proc_pid_fdinfo(5)): right also where paths contain links. */
function mountOfFd(fd: number, path: string): MountEntry {
  const id = Number(/^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]);
  const mountinfo = openSync('/proc/self/mountinfo', 'r');
  try {
    const entry = readMountTable(mountinfo).entries.find((candidate) => candidate.id === id);
    if (entry !== undefined) return entry;
  } finally {
    closeSync(mountinfo);
  }
  throw new StowageError('internal', `the mount at ${path} has id ${id}, which /proc/self/mountinfo does not list`);
}

/** Changes flags with mount(2), for kernels without mount_setattr(2). Throws SystemErrors: EINVAL where `target` is no mount point. */
export function remount(calls: MountSyscalls, target: string, flags: readonly PerMountFlag[]): void {
  withPathFd(target, (fd) => {
    const msFlags = remountFlags(mountOfFd(fd, target).options, flags);
    calls.mount(null, `/proc/self/fd/${fd}`, MS_REMOUNT | MS_BIND | msFlags);
  });
}

/**
 * Binds with mount(2), for kernels without open_tree(2) or mount_setattr(2); the flags come a moment after the mount, which is undone
 * if they cannot be set. Throws SystemErrors.
 */
export function bindAndRemount(
  calls: MountSyscalls,
  source: string,
  target: string,
  flags: readonly PerMountFlag[],
): void {
  // mount(2) follows links; the links of /proc lead to exactly what was opened.
  withPathFd(source, (fd) => bindFd(calls, fd, target));
  if (flags.length > 0) undoIfFailed(calls, target, () => remount(calls, target, flags));
}

/** bindOpened with mount(2), as bindAndRemount does it. */
export function bindOpenedAndRemount(
  calls: MountSyscalls,
  source: OpenPath,
  target: string,
  flags: readonly PerMountFlag[],
): void {
  bindFd(calls, source.fd, target);
  undoIfFailed(calls, target, () => {
    withPathFd(target, (fd) => calls.mount(null, `/proc/self/fd/${fd}`, MS_PRIVATE));
    if (flags.length > 0) remount(calls, target, flags);
  });
}

function bindFd(calls: MountSyscalls, sourceFd: number, target: string): void {
  withPathFd(target, (targetFd) => calls.mount(`/proc/self/fd/${sourceFd}`, `/proc/self/fd/${targetFd}`, MS_BIND));
}

function undoIfFailed(calls: MountSyscalls, target: string, change: () => void): void {
  try {
    change();
  } catch (error) {
    calls.unmount(target, UMOUNT_NOFOLLOW | MNT_DETACH);
    throw error;
  }
}

/** Runs `modern`, and `fallback` where the kernel lacks a call that it needs. */
export function whereMissing(modern: () => void, fallback: () => void): void {
  try {
    modern();
  } catch (error) {
    if (errnoOf(error) !== 'ENOSYS') throw error;
    fallback();
  }
}
