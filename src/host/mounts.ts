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
}
