/** What lstat(2) says of a file. */
export interface FileStat {
  readonly type: 'file' | 'folder' | 'link' | 'block' | 'character' | 'socket' | 'fifo';
  readonly mode: number; // permission bits
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly allocatedBytes: number; // st_blocks * 512
  readonly device: number; // st_dev
  readonly rdev: number;
  readonly inode: number;
  readonly modifiedAtMs: number;
}

/** What statfs(2) says of a file system. */
export interface FileSystemStat {
  readonly type: 'ext' | 'xfs' | 'btrfs' | 'tmpfs' | 'overlay' | 'nfs' | 'other';
  readonly totalBytes: number;
  readonly freeBytes: number; // free to root
  readonly availableBytes: number; // free to others
  readonly totalInodes: number; // 0 where the file system has no fixed number
  readonly freeInodes: number;
}

/** An open folder, by whose path its entries can be reached although the folder may be renamed or replaced. */
export interface FolderHandle {
  readonly path: string; // /proc/<pid>/fd/<n>: also valid in our children
  readonly close: () => Promise<void>;
}

export interface TextFile {
  readonly name: string; // without the folder
  readonly text: string;
}

export interface Files {
  /** The file's text; undefined where it is missing. Throws EFBIG past maxBytes. */
  read(path: string, maxBytes: number): Promise<string | undefined>;
  /**
   * The text of all regular files in a folder whose name ends in `suffix`, in synchronous batches that yield to the event loop
   * (100,000 files in about 1 s). A missing folder is empty. A file past maxBytes, or unreadable, comes with `text: ''`.
   */
  readAll(folder: string, suffix: string, maxBytes: number): AsyncIterable<readonly TextFile[]>;
  /** The names in a folder, sorted; a missing folder is empty. */
  list(folder: string): Promise<string[]>;
  /** lstat; undefined where it is missing (ENOENT, ENOTDIR). */
  stat(path: string): Promise<FileStat | undefined>;
  statfs(path: string): Promise<FileSystemStat>;
  /** The path with links in its folder resolved (as mountinfo names it); its last part is neither followed nor touched. The path itself where its folder is missing. */
  resolveParent(path: string): Promise<string>;
  /** The file's text is there whole or not at all after a crash: temporary file (mode 0600) in the same folder, fsync, rename, fsync of the folder. */
  writeDurably(path: string, text: string): Promise<void>;
  /** Unlinks and fsyncs the folder; nothing where it is missing. */
  removeDurably(path: string): Promise<void>;
  /** mkdir (not recursive) with exactly `mode` (no umask) and fsync of the parent; false where a folder is there already; EEXIST where another thing is. */
  makeFolder(path: string, mode: number): Promise<boolean>;
  /** mkdir -p without fsync, mode 0755: for target paths and state folders outside pools. */
  makeFolders(path: string): Promise<void>;
  /** An empty regular file for a bind mount's target; nothing where one is there. */
  touch(path: string): Promise<void>;
  /** rmdir; nothing where it is missing. ENOTEMPTY if not empty. */
  removeFolder(path: string): Promise<void>;
  /** unlink; nothing where it is missing. */
  removeFile(path: string): Promise<void>;
  /** rm -rf --one-file-system in a child; safe against links swapped in; nothing where it is missing. */
  removeTree(path: string, signal: AbortSignal): Promise<void>;
  /** renameat2(RENAME_NOREPLACE) and fsync of both parents. EEXIST if `to` exists, ENOENT if `from` is missing. */
  rename(from: string, to: string): Promise<void>;
  chown(path: string, uid: number, gid: number): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  /** Creates a sparse file (mode 0600, O_EXCL) of that size. `nocow`: set FS_NOCOW_FL where the file system knows it (btrfs). */
  createSparse(path: string, sizeBytes: number): Promise<void>;
  /** ftruncate to a larger or equal size, and fsync; EINVAL to a smaller one. */
  grow(path: string, sizeBytes: number): Promise<void>;
  /** fallocate(1) of the whole file, in a child, with fsync. ENOSPC removes nothing. */
  allocate(path: string, sizeBytes: number, signal: AbortSignal): Promise<void>;
  /** FICLONE into a new file (O_EXCL, mode 0600), fsynced; the nocow flag is taken over first. Throws EOPNOTSUPP/EXDEV/EINVAL where not possible, leaving nothing. */
  clone(from: string, to: string): Promise<void>;
  /** True if files in this folder can be cloned (tries it with two small temporary files, removed again). */
  canClone(folder: string): Promise<boolean>;
  /**
   * cp -a -T --reflink=auto --sparse=always of a file to a path that does not exist, or of a folder's whole tree to one that does not exist or is empty (which then keeps its project id), then syncfs.
   * A folder is read through a private read-only nosymfollow bind mount, so that links swapped in while it runs lead nowhere.
   * Keeps ownership, modes, times, xattrs, ACLs, hard links, sparseness, sockets and fifos. Killed at the signal; a part may be left.
   */
  copy(from: string, to: string, signal: AbortSignal): Promise<void>;
  /** fsync of a file, a folder, or (buffers of) a block device. */
  sync(path: string): Promise<void>;
  /** openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS, O_PATH|O_DIRECTORY): `relative` ('' is the root itself) beneath `root`. ELOOP/EXDEV/ENOENT as the kernel says. */
  openFolder(root: string, relative: string): Promise<FolderHandle>;
  /** An exclusive flock(2) on a file, kept until close or the end of the process; undefined if another process holds it. */
  lock(path: string): Promise<{ readonly release: () => Promise<void> } | undefined>;
}
