/** What a record says of where its bytes are: what the backend chose before the record was written. */
export type Layout =
  | { readonly backend: 'directory'; readonly projectId?: number | undefined; readonly inodeLimit: number }
  | {
      readonly backend: 'image';
      readonly content: ImageContent;
      readonly blockSizeBytes: number;
      readonly preallocated: boolean;
    }
  | { readonly backend: 'btrfs'; readonly qgroupId?: number | undefined } // of level 1: the volume's own and its nested subvolumes'; none: a snapshot, or quota advisory
  | { readonly backend: 'lvm'; readonly type: 'thin' | 'thick'; readonly content: ImageContent }
  | { readonly backend: 'disk'; readonly disk: string; readonly content: DiskContent } // `disk`: its stable id
  | { readonly backend: 'memory' }
  | ({ readonly backend: 'share' } & SharePlace);

/** Where on a share a volume lies, and whose its folder is. */
export interface SharePlace {
  readonly subDir: string; // relative, plain: parts without links
  readonly mode?: number | undefined; // none: of a new folder 0777
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Other volumes may have the same folder, so that it is never removed. */
  readonly shared: boolean;
}

/** A whole disk: raw, with a file system that we made, or (folder) one that was mounted beforehand. */
export type DiskContent = ImageContent | { readonly type: 'folder' };

export type ImageContent = { readonly type: 'block' } | { readonly type: 'mount'; readonly fsType: 'ext4' | 'xfs' };

/** A volume or a snapshot as a backend sees it. */
export interface Item {
  readonly kind: 'volume' | 'snapshot';
  readonly id: string;
  readonly folder: string; // its safe, unique name within the pool
  readonly sizeBytes: number;
  readonly reservedBytes: number; // what its pool holds back for it: a snapshot's own, less than its size
  readonly layout: Layout;
  /** Its record says that it goes, or went to the archive: its place may be free already. */
  readonly leaving?: boolean;
}

/** What a volume shall be: the part of CreateVolume that a backend decides on. */
export interface Wish {
  readonly requiredBytes: number;
  readonly limitBytes: number | undefined;
  readonly access: { readonly type: 'block' } | { readonly type: 'mount'; readonly fsType: string | undefined };
  readonly source: Item | undefined;
  /** Where on a share: for pools that are one. */
  readonly share?: SharePlace;
}

export interface Plan {
  readonly sizeBytes: number;
  readonly layout: Layout;
}

/** What can change of a volume during its life; for new files only. */
export interface VolumeOptions {
  readonly compression?: 'none' | 'zstd' | 'lzo' | 'zlib' | undefined;
  readonly copyOnWrite?: boolean | undefined;
}

export interface Features {
  readonly block: boolean;
  readonly fsTypes: readonly string[]; // accepted as fs_type; '' is always accepted and means the first
  readonly snapshots: 'none' | 'copy' | 'instant';
  readonly clones: 'none' | 'copy' | 'instant';
  readonly expansion: 'none' | 'online' | 'offline';
  readonly enforced: boolean; // sizes hold
  readonly exactSizes: boolean; // as large as asked for, rounded up; false: as large as the disk that is taken
  /** Sizes are multiples of this; left out: of 4096. */
  readonly sizeStepBytes?: number;
  readonly thin: boolean; // promises more than it takes at once
  /** Mount options belong to the volume's own superblock; false: only per-mount flags are accepted. */
  readonly ownSuperblock: boolean;
  /** True where any node reaches the volumes, by mounts of its own with options of any kind; left out: one node, whose disks they are on. */
  readonly manyNodes?: boolean;
  /** True where a restart of the node takes the data: nothing is kept after a deletion either. */
  readonly volatile?: boolean;
  /** True where a copy that ends for a while ('unavailable', or the driver's own end) stays as it is, and the next call goes on with it. */
  readonly resumesCopies?: boolean;
  /** The options that `modify` knows; left out: none. */
  readonly options?: readonly (keyof VolumeOptions)[];
}

export interface PoolCapacity {
  readonly totalBytes: number;
  /** What may still be promised counting real free space only, before reservations and overcommit. */
  readonly freeBytes: number;
  /** What our own volumes and snapshots take now; undefined where that cannot be known cheaply. */
  readonly usedByVolumesBytes: number | undefined;
  /** The largest volume that fits, where that is less than all that is free: a disk is not shared. */
  readonly largestBytes?: number;
}

export interface VolumeUsage {
  readonly bytes: { readonly total: number; readonly used: number; readonly available: number };
  readonly inodes: { readonly total: number; readonly used: number; readonly available: number } | undefined; // undefined for raw block
}

/** A volume whose size was got round, or may have been. */
export interface GuardFinding {
  readonly item: Item;
  readonly problem: string; // for the volume's condition
  /** How many files and folders were found outside their quota by this call; 0 where the problem is one of an earlier call that still holds. */
  readonly escapes: number;
}

/** What a node can stage. */
export type Opened =
  | { readonly type: 'folder'; readonly path: string }
  | {
      readonly type: 'device';
      readonly path: string;
      readonly fsType: string | undefined;
      readonly mountOptions: readonly string[];
    };

/**
 * One pool's way of keeping volumes. Every method may be called again after a crash at any point, leaves nothing behind
 * when it fails (but see resumesCopies), and takes a signal that ends it. The caller holds the locks and has written the record before.
 */
export interface Backend {
  readonly features: Features;
  /**
   * Ties what the bytes lie on to the pool's UUID where that is not the pool's own folder (a volume group): marks it when it has no mark, throws 'unavailable'
   * where it is missing or another pool's. Called when the pool is opened, before `recover`; left out where the folder says it all.
   */
  claim?(poolUuid: string): Promise<void>;
  /**
   * Chooses size and layout: rounds up, picks a project id or a disk. Changes nothing. `items` gives all that has a record in the pool; the
   * caller makes no other plan until this one has its record. 'out-of-range', 'invalid' (fs type, access), 'exhausted' or 'unsupported' StowageError.
   */
  plan(wish: Wish, items: () => readonly Item[]): Promise<Plan>;
  /**
   * True where what `create` makes lies in the file system of the pool's records, which has one journal for both: a record is on the disk before whatever is made after
   * it, without a wait for it. Left out: it is not so.
   */
  isJournaled?(): Promise<boolean>;
  /** Makes the volume's bytes, as a copy of `source` (volume or snapshot) where given, under a temporary name first. A complete one that is there already is kept. */
  create(item: Item, source: Item | undefined, signal: AbortSignal): Promise<void>;
  /** Data that was there before and is no item's; left out where none can become a volume. */
  readonly adoption?: {
    /** Changes nothing. 'not-found' where it is missing; 'precondition' for what is no folder, or is reached by a link. */
    check(place: SharePlace): Promise<void>;
    /** Makes the data the item's, whose record is `ready`: nothing removes it before. Again does nothing. */
    take(item: Item): Promise<void>;
  };
  /** True if the item's data is there, complete. */
  exists(item: Item): Promise<boolean>;
  /** Takes all snapshots at one moment where features.snapshots is instant (freeze all, copy all, thaw all), else one after another. All or none. `pairs` are those of one request
   * and none is ready yet: where a dead process took some of several, those are taken anew. Where files cannot be cloned,
   * 'precondition' for a source in use that cannot be held still. */
  snapshot(pairs: readonly { readonly source: Item; readonly snapshot: Item }[], signal: AbortSignal): Promise<void>;
  /** The bytes that a snapshot of this item would hold at most: what it has allocated now. (An image's content is longer: plan looks at the file.) */
  snapshotSizeBytes(source: Item): Promise<number>;
  /** Moves the item's data to the trash: one rename. Nothing where it is not there; 'busy' where its device is mounted. */
  discard(item: Item): Promise<void>;
  /** Moves the data to the archive, under a name with this time. Nothing where it is not there. */
  archive(item: Item, at: Date): Promise<void>;
  /** Removes everything of the item for good: from the trash, temporary places, quota entries. Long; nothing where it is not there. */
  purge(item: Item, signal: AbortSignal): Promise<void>;
  /** Makes the volume larger at the controller's side (quota, file, device). Nothing where it is that large. */
  expand(item: Item, sizeBytes: number, signal: AbortSignal): Promise<void>;
  /**
   * Makes the mounted file system as large as its device; `mountPoint` is the staging path, undefined for raw block. Nothing where it is that
   * large. Also to be called after staging a copy that is larger than its source, whose file system can grow only when mounted.
   */
  grow(item: Item, mountPoint: string | undefined, signal: AbortSignal): Promise<void>;
  /** Sets options (only those that features.options has) of a volume, which may be in use; what is left out stays. Again, where a process died in between. */
  modify?(item: Item, options: VolumeOptions, signal: AbortSignal): Promise<void>;
  usage(item: Item, mountPoint: string | undefined, signal: AbortSignal): Promise<VolumeUsage>;
  /** Makes the volume usable on this node (attaches a loop device). 'data-loss' where its data is missing. */
  open(item: Item, signal: AbortSignal): Promise<Opened>;
  /** What open gave, if it is open now. */
  opened(item: Item): Promise<Opened | undefined>;
  /** Where mounts of the volume lead, whether its data is there or not; left out where only looking tells. */
  mountedFrom?(item: Item): Opened;
  /** Undoes open; nothing where it is not open. 'busy' where its device is mounted. */
  close(item: Item, signal: AbortSignal): Promise<void>;
  /** Words for what is wrong with the volume's data (missing, damaged); undefined where nothing is. */
  condition(item: Item): Promise<string | undefined>;
  /**
   * Looks for data that left its volume's limit, and puts it back under it. Called in the background about once a minute, one call at a time; what is
   * expensive it does less often. Gives all volumes whose problem holds at its end, also those found earlier.
   */
  guard?(items: readonly Item[], signal: AbortSignal): Promise<readonly GuardFinding[]>;
  capacity(items: readonly Item[]): Promise<PoolCapacity>;
  /**
   * What a person should know of the pool on this machine, a remark each: a missing program, quotas that are off, a volume group or a disk that is gone.
   * One that keeps nothing from working begins with 'note:'. Changes nothing that lasts; called beside a running driver, and before anything is claimed.
   */
  check?(items: readonly Item[]): Promise<readonly string[]>;
  /** Data that is this pool's, lies outside its folder, and is none of these items': where each is, for a person. Changes nothing; called beside a running driver. */
  strays?(items: readonly Item[]): Promise<readonly string[]>;
  /**
   * Why the item's data cannot be looked at now, and what to do; undefined where it can, or there is none. Left out where all data lies in the pool's own
   * folder, or goes away with the whole pool. Changes nothing; called beside a running driver.
   */
  away?(item: Item): Promise<string | undefined>;
  /** Undoes what a dead process left half done and no record names: thaws our file systems, empties the temporary folder. Once, before first use. */
  recover(items: readonly Item[], signal: AbortSignal): Promise<void>;
}
