import type { PerMountFlag } from './mounts.ts';

/** What mount_setattr(2) shall change: first `clear`, then `set`; MOUNT_ATTR_ bits. */
export interface MountAttributeChange {
  readonly set: number;
  readonly clear: number;
  readonly propagation?: number; // MS_PRIVATE or its like; 0: as it is
}

const RDONLY = 0x1;
const NOSUID = 0x2;
const NODEV = 0x4;
const NOEXEC = 0x8;
const ATIME_MASK = 0x70; // a number, not bits: it is cleared whole before one mode is set
const NOATIME = 0x10;
const STRICTATIME = 0x20;
const NODIRATIME = 0x80;
const NOSYMFOLLOW = 0x200000;

const CHANGES: Readonly<Record<PerMountFlag, MountAttributeChange>> = {
  ro: { set: RDONLY, clear: 0 },
  rw: { set: 0, clear: RDONLY },
  nosuid: { set: NOSUID, clear: 0 },
  suid: { set: 0, clear: NOSUID },
  nodev: { set: NODEV, clear: 0 },
  dev: { set: 0, clear: NODEV },
  noexec: { set: NOEXEC, clear: 0 },
  exec: { set: 0, clear: NOEXEC },
  noatime: { set: NOATIME, clear: ATIME_MASK },
  relatime: { set: 0, clear: ATIME_MASK },
  strictatime: { set: STRICTATIME, clear: ATIME_MASK },
  nodiratime: { set: NODIRATIME, clear: 0 },
  diratime: { set: 0, clear: NODIRATIME },
  nosymfollow: { set: NOSYMFOLLOW, clear: 0 },
  symfollow: { set: 0, clear: NOSYMFOLLOW },
};

// MOUNT_ATTR_ bit -> MS_ bit (mount(2))
const MS_FLAGS: readonly (readonly [attribute: number, msFlag: number])[] = [
  [RDONLY, 0x1],
  [NOSUID, 0x2],
  [NODEV, 0x4],
  [NOEXEC, 0x8],
  [NODIRATIME, 0x800],
  [NOSYMFOLLOW, 0x100],
];
const MS_NOATIME = 0x400;
const MS_RELATIME = 0x200000;
const MS_STRICTATIME = 0x1000000;

/** The change that these flags ask for, in their order: of two that contradict each other the later holds, as in mount(8). */
export function attributeChange(flags: readonly PerMountFlag[]): MountAttributeChange {
  return flags
    .map((flag) => CHANGES[flag])
    .reduce((sum, next) => ({ set: (sum.set & ~next.clear) | next.set, clear: sum.clear | next.clear }), {
      set: 0,
      clear: 0,
    });
}

function isPerMountFlag(option: string): option is PerMountFlag {
  return Object.hasOwn(CHANGES, option);
}

/**
 * The MS_ flags of mount(2) for a bind remount, which replaces all flags of a mount: those that it has now, changed by `flags`.
 * @param options the mount's own options in mountinfo, which names neither defaults nor strictatime
 */
export function remountFlags(options: readonly string[], flags: readonly PerMountFlag[]): number {
  const present = attributeChange(['strictatime', ...options.filter(isPerMountFlag)]).set;
  const change = attributeChange(flags);
  const wanted = (present & ~change.clear) | change.set;
  const mode = wanted & ATIME_MASK;
  const atime = mode === NOATIME ? MS_NOATIME : mode === STRICTATIME ? MS_STRICTATIME : MS_RELATIME;
  return MS_FLAGS.reduce((sum, [attribute, msFlag]) => ((wanted & attribute) === 0 ? sum : sum | msFlag), atime);
}
