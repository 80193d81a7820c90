import { PER_MOUNT_FLAGS, type PerMountFlag } from '../host/mounts.ts';

export interface SplitFlags {
  readonly perMount: readonly PerMountFlag[]; // hold for one mount
  readonly superblock: readonly string[]; // hold for the file system, wherever it is mounted
}

/** Sorts a capability's mount_flags by what they belong to (mount_setattr(2) lists the per-mount ones). */
export function splitFlags(flags: readonly string[]): SplitFlags {
  const perMount: PerMountFlag[] = [];
  const superblock: string[] = [];
  for (const flag of flags) {
    const known = PER_MOUNT_FLAGS.find((candidate) => candidate === flag);
    if (known !== undefined) perMount.push(known);
    else if (flag !== 'defaults') superblock.push(flag);
  }
  return { perMount, superblock };
}
