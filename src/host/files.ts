import type { Commands } from './command.ts';
import { openFolder } from './files/beneath.ts';
import { cloning } from './files/clone.ts';
import { createCopy } from './files/copy.ts';
import { createDurable } from './files/durable.ts';
import { entries } from './files/entries.ts';
import { type SyncFolder, syncFolder } from './files/fd.ts';
import { createFolders } from './files/folders.ts';
import { createLinks } from './files/links.ts';
import { lock } from './files/lock.ts';
import { measureSmallTree } from './files/measure.ts';
import { createMoveFolder } from './files/move-folder.ts';
import { opening } from './files/open-path.ts';
import { createPrivateBinds } from './files/private-bind.ts';
import { reading } from './files/read.ts';
import { createRemoveTree } from './files/remove-tree.ts';
import { createRename } from './files/rename.ts';
import { createSizes } from './files/sizes.ts';
import { stating } from './files/stat.ts';
import { createTreeCopy } from './files/tree-copy/tree-copy.ts';
import { inThreads, type Waiting } from './files/waiting.ts';
import type { Mounts } from './mounts.ts';

export { isTemporary } from './files/temporary.ts';

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

/** What was opened with O_PATH, whatever it is: a reference that no rename or link swapped in can lead astray. */
export interface OpenPath {
  readonly fd: number;
  readonly stat: FileStat;
  readonly mountId: number; // as in mountinfo
  readonly path: string; // where it lay when it was opened, without links
  readonly close: () => void;
}

/** What a tree of files takes. */
export interface TreeSize {
  readonly bytes: number; // allocated
  readonly inodes: number;
}

/** How far a copy of a tree is. Files are entries of any type but folders; `found` grows while it goes. */
export interface TreeCopyProgress {
  readonly files: number; // done, also those that were complete before
  readonly filesFound: number;
  readonly filesKept: number; // complete before
  readonly bytes: number; // done, also those of files that were complete before
  readonly bytesFound: number;
  readonly clonedBytes: number; // by FICLONE (NFS 4.2: CLONE)
  readonly rangeBytes: number; // by copy_file_range(2): the server itself (NFS 4.2: COPY), or the kernel where it cannot
  readonly copiedBytes: number; // by reading and writing
}

/** A symbolic link that keeps a text; see Files.makeLink. */
export interface LinkText {
  readonly path: string;
  readonly text: string;
}

export interface TextFile {
  readonly name: string; // without the folder
  readonly text: string;
}

export interface Files {
  /** The text of a regular file; undefined where it is missing. Throws EFBIG past maxBytes, ELOOP for a link, EISDIR or EINVAL for another thing. */
  read(path: string, maxBytes: number): Promise<string | undefined>;
  /**
   * The text of all regular files in a folder whose name ends in `suffix`, in synchronous batches that yield to the event loop
   * (100,000 files in about 1 s). A missing folder is empty. A file past maxBytes, or unreadable, comes with `text: ''`.
   */
  readAll(folder: string, suffix: string, maxBytes: number): AsyncIterable<readonly TextFile[]>;
  /** The first bytes of a regular file or a block device, fewer where it is shorter; undefined where it is missing. ELOOP for a link. */
  readStart(path: string, lengthBytes: number): Promise<Uint8Array | undefined>;
  /** The names in a folder, sorted; a missing folder is empty. */
  list(folder: string): Promise<string[]>;
  /** lstat; undefined where it is missing (ENOENT, ENOTDIR). */
  stat(path: string): Promise<FileStat | undefined>;
  statfs(path: string): Promise<FileSystemStat>;
  /** False where the path's mount or its file system is read-only (access(2): EROFS), whoever asks. */
  isWritable(path: string): Promise<boolean>;
  /**
   * What a folder's tree takes, as du -x counts it, for trees of at most maxEntries entries; undefined for larger ones. Links are not followed,
   * also when swapped in meanwhile. Entries that vanish meanwhile make it fail with ENOENT.
   */
  measureSmallTree(root: string, maxEntries: number): Promise<TreeSize | undefined>;
  /** The path with links in its folder resolved (as mountinfo names it); its last part is neither followed nor touched. Where folders are missing, links above them are resolved. */
  resolveParent(path: string): Promise<string>;
  /**
   * The file's text is there whole or not at all after a crash: temporary file (mode 0600, see isTemporary) in the same folder, fsync, rename, fsync of the folder, which 'later'
   * leaves to what is made durable next. Removes the temporary file if that fails.
   */
  writeDurably(path: string, text: string, durability?: 'now' | 'later'): Promise<void>;
  /** Unlinks and fsyncs the folder; nothing where it is missing. */
  removeDurably(path: string): Promise<void>;
  /**
   * mkdir (not recursive) with exactly `mode` (no umask), and fsync of the parent, which 'later' leaves to what is written next; false where a folder is there already; EEXIST where another thing is.
   * @param claim is made first, as by makeLink with `path` vacant, and durably in any case; one with that text may be there from an earlier call. False, and nothing is made, where another
   * link is there, or none and something at `path`. EEXIST also for a folder that came just after the claim was made, which is the caller's to take back then
   */
  makeFolder(path: string, mode: number, durability?: 'now' | 'later', claim?: LinkText): Promise<boolean>;
  /** mkdir -p without fsync, mode 0755: for target paths and state folders outside pools. */
  makeFolders(path: string): Promise<void>;
  /** An empty regular file (mode 0600) for a bind mount's target; nothing where one, or what is bound on it, is there, which is not opened. EEXIST where a folder or link is. */
  touch(path: string): Promise<void>;
  /** rmdir; nothing where it is missing. ENOTEMPTY if not empty. */
  removeFolder(path: string): Promise<void>;
  /** unlink; nothing where it is missing. */
  removeFile(path: string): Promise<void>;
  /** rm -rf --one-file-system in a child; safe against links swapped in; also files made immutable or append-only (chattr(1)). Nothing where it is missing. */
  removeTree(path: string, signal: AbortSignal): Promise<void>;
  /** renameat2(RENAME_NOREPLACE) and fsync of both parents, which 'later' leaves out: for what a restart would do again. EEXIST if `to` exists, ENOENT if `from` is missing. */
  rename(from: string, to: string, durability?: 'now' | 'later'): Promise<void>;
  /**
   * Renames a folder with fsync of both parents, each reached beneath `root` as openFolder does. False where `from` is missing or is no folder; what may be at `to` is not
   * looked for: for names that no other has.
   * @param claim does so only where this link has that text, else false; removes the link, durably, when the folder is away
   */
  moveFolder(root: string, from: string, to: string, claim?: LinkText): Promise<boolean>;
  /**
   * symlink(2) with that text, whole or not at all after a crash (over NFS by one request), and fsync of its folder; false where anything is there.
   * @param vacant is looked at before: false, too, where anything is there
   */
  makeLink(path: string, vacant: string | undefined, text: string): Promise<boolean>;
  /** The text of a symbolic link; undefined where it is missing. EINVAL for another thing. */
  readLink(path: string): Promise<string | undefined>;
  /** lchown(2). */
  chown(path: string, uid: number, gid: number): Promise<void>;
  /** chmod(2), but ELOOP for a link. */
  chmod(path: string, mode: number): Promise<void>;
  /** Creates a sparse file (mode 0600, O_EXCL) of that size, written in place (FS_NOCOW_FL) where the file system knows that: on btrfs, random writes to an image would scatter it. Not fsynced. Leaves nothing if it fails. */
  createSparse(path: string, sizeBytes: number): Promise<void>;
  /** ftruncate to a larger or equal size, and fsync; EINVAL to a smaller one. */
  grow(path: string, sizeBytes: number): Promise<void>;
  /** fallocate(1) of the whole file, in a child, with fsync. ENOSPC removes nothing. */
  allocate(path: string, sizeBytes: number, signal: AbortSignal): Promise<void>;
  /** FICLONE into a new file (O_EXCL, mode 0600), fsynced; the nocow flag is taken over first. Throws ENOTSUP (Node's name for EOPNOTSUPP), EXDEV or EINVAL where not possible, leaving nothing. */
  clone(from: string, to: string): Promise<void>;
  /** True if files in this folder can be cloned (tries it with two small temporary files, removed again). */
  canClone(folder: string): Promise<boolean>;
  /**
   * cp -a -T --reflink=auto --sparse=always of a file to a path that does not exist (EEXIST), then fsync; or of a folder's whole tree to one that does not exist or is empty (which then keeps its project id), then syncfs.
   * A folder is read through a private read-only nosymfollow bind mount, so that links swapped in while it runs lead nowhere.
   * Keeps ownership, modes, times, xattrs, ACLs, hard links, sparseness, sockets and fifos. Killed at the signal; a part may be left, as after any failure.
   * 'busy' StowageError where entries vanished or were swapped meanwhile: call again, with the part removed. Before Linux 5.18 a folder's
   * files are not cloned, since FICLONE then refused two mounts of one file system.
   */
  copy(from: string, to: string, signal: AbortSignal): Promise<void>;
  /**
   * Copies a folder's tree, several files at once, each by FICLONE, else copy_file_range(2), else reading and writing, into `to`: made if it is missing; what is in it is
   * taken for the part that an earlier call has left. Of that, entries that look as their source does (type, size, modification time, mode, owner: the time is set last)
   * stay, all else is made anew or removed. Then syncfs.
   * Follows no link, also when swapped in meanwhile. Keeps what `copy` keeps, by times to the nanosecond; leaves out what is removed meanwhile.
   * @param from as it is resolved now
   * @param onProgress is told often, always of the same object
   * @throws 'precondition' for another file system mounted in it, more than 2048 folders deep, or an owner that cannot be kept; system errors with the entry's path in the tree
   */
  copyTree(
    from: string,
    to: string,
    signal: AbortSignal,
    onProgress?: (progress: TreeCopyProgress) => void,
  ): Promise<TreeCopyProgress>;
  /** Takes away the private bind mounts that killed processes left. For the start. */
  recover(): Promise<void>;
  /** fsync of a file, a folder, or (buffers of) a block device. */
  sync(path: string): Promise<void>;
  /** openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS, O_PATH|O_DIRECTORY): `relative` ('' is the root itself) beneath `root`. ELOOP/EXDEV/ENOENT as the kernel says. */
  openFolder(root: string, relative: string): Promise<FolderHandle>;
  /**
   * Opens a file of any type for its reference alone (O_PATH, no device is opened): `root` as it is resolved now, links and all, then `relative` ('' is the
   * root itself) by openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS). In a thread: it may wait for a disk or a server.
   * ELOOP for any link beneath the root, ENOENT, ENOTDIR as the kernel says.
   */
  openPath(root: string, relative: string): Promise<OpenPath>;
  /**
   * Makes an empty file with that mode, whose folder must be there, or a folder and those above it (mode less the umask), reached as openPath does; what is there
   * already stays. ELOOP for any link on the way.
   */
  makeBeneath(root: string, relative: string, type: 'file' | 'folder', mode: number): Promise<void>;
  /** An exclusive flock(2) on a file, made (0600) if it is missing, kept until release or the end of the process; undefined if it is held already, here or in another process. */
  lock(path: string): Promise<{ readonly release: () => Promise<void> } | undefined>;
}

/**
 * Files of this machine. Failures of system calls are Node's system errors; those of children and of mounts are StowageErrors.
 * @param runFolder where private bind mounts are made while they are needed
 * @param makeDurable makes changes of a folder durable; fsync(2), if not given
 * @param waiting how what a record, a claim and a folder need is done; in threads, if not given
 */
export function createFiles(
  commands: Commands,
  mounts: Pick<Mounts, 'bind' | 'detach'>,
  runFolder = '/run/stowage',
  makeDurable: SyncFolder = syncFolder,
  waiting: Waiting = inThreads,
): Files {
  const binds = createPrivateBinds(mounts, runFolder);
  const durable = createDurable(waiting, makeDurable);
  const links = createLinks(waiting, makeDurable);
  return {
    ...durable,
    ...reading,
    ...stating,
    measureSmallTree,
    ...createFolders(waiting, makeDurable, links),
    ...links,
    ...entries,
    ...cloning,
    ...createSizes(commands),
    rename: createRename(makeDurable),
    moveFolder: createMoveFolder(waiting, makeDurable, { ...durable, ...links }),
    openFolder,
    ...opening,
    lock,
    removeTree: createRemoveTree(commands, binds),
    copy: createCopy(commands, binds),
    copyTree: createTreeCopy(commands),
    recover: binds.recover,
  };
}
