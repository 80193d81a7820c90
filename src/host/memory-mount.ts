import { errnoOf } from '../errors.ts';
import { bindCall } from './libc.ts';
import { MS_REMOUNT, withPathFd } from './mount-syscalls.ts';
import type { MountEntry } from './mounts.ts';

const MS_NOSUID = 0x2;
const MS_NODEV = 0x4;
const KEPT_FLAGS = MS_NOSUID | MS_NODEV;

/** How much a tmpfs may take (tmpfs(5): size, nr_inodes). */
export interface MemoryLimits {
  readonly sizeBytes: number;
  readonly inodes: number;
}

const mount = bindCall(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
);

/**
 * Mounts an empty tmpfs at `target`, complete with its limits from the first moment, nosuid and nodev; not swapped out where the kernel can (6.4).
 * Throws SystemErrors.
 */
export function mountMemory(target: string, limits: MemoryLimits, mode: number): void {
  const data = `${limitOptions(limits)},mode=${mode.toString(8).padStart(4, '0')}`;
  try {
    mountAt(target, KEPT_FLAGS, `${data},noswap`);
  } catch (error) {
    if (errnoOf(error) !== 'EINVAL') throw error; // an option that this kernel does not know
    mountAt(target, KEPT_FLAGS, data);
  }
}

/** Gives the tmpfs at `target` other limits. Throws SystemErrors: EINVAL for less than what is in use. */
export function resizeMemory(target: string, limits: MemoryLimits, there: MountEntry): void {
  // Left out, it would ask for swap to be allowed again, which the kernel refuses.
  const kept = there.superOptions.includes('noswap') ? ',noswap' : '';
  mountAt(target, MS_REMOUNT | KEPT_FLAGS, `${limitOptions(limits)}${kept}`);
}

function limitOptions({ sizeBytes, inodes }: MemoryLimits): string {
  return `size=${sizeBytes},nr_inodes=${inodes}`;
}

/** mount(2) follows links; the link of /proc leads to exactly what was opened. */
function mountAt(target: string, flags: number, data: string): void {
  withPathFd(target, (fd) => mount(target, 'stowage', `/proc/self/fd/${fd}`, 'tmpfs', flags, data));
}
