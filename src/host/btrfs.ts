import { closeSync, constants, fstatSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { errnoOf } from '../errors.ts';
import * as control from './btrfs-ioctl.ts';
import { type FolderOptions, setFolderOptions } from './btrfs-options.ts';
import * as qgroups from './btrfs-qgroups.ts';
import { searchTree } from './btrfs-search.ts';
import { dataBytes } from './btrfs-space.ts';
import { FOLDER_FLAGS, READ_FLAGS, withFolder, withOpen } from './files/fd.ts';

export type { SubvolumeInfo } from './btrfs-ioctl.ts';
export type { FolderOptions } from './btrfs-options.ts';
export type { Qgroup, Qgroups, QuotaStatus } from './btrfs-qgroups.ts';

/** A subvolume as the folder that it lies in names it. */
export interface NestedSubvolume {
  readonly id: number;
  readonly folderInode: number;
  readonly name: string;
}

/**
 * Subvolumes and quota groups of btrfs, by ioctls (linux/btrfs.h). `path` is anywhere on the file system where nothing else is said, and a
 * folder. Ids of qgroups are `level << 48 | number`; of level 0 is each subvolume's own, numbered as the subvolume.
 * Where the file system is none of btrfs all but `subvolume` throw ENOTTY. Needs CAP_SYS_ADMIN.
 */
export interface Btrfs {
  /** Makes a subvolume (SUBVOL_CREATE_V2; its mode is cut by the umask), durable, that is counted to these qgroups from its first byte. */
  createSubvolume(path: string, qgroupIds: readonly number[]): Promise<void>;
  /** Makes a writable snapshot `to` of the subvolume `from` (SNAP_CREATE_V2), durable, with all that was written to it before. */
  snapshot(from: string, to: string, qgroupIds: readonly number[]): Promise<void>;
  /**
   * The same for several, each `to` in a folder of its own: they all wait for the transaction that is being written, and so mostly go with
   * the next one together, as many as libuv has threads (UV_THREADPOOL_SIZE). See createdInTransaction. Where one fails, others may be there.
   */
  snapshotTogether(pairs: readonly { readonly from: string; readonly to: string }[]): Promise<void>;
  /** Of the subvolume whose root this path is; undefined where it is missing or another thing. */
  subvolume(path: string): Promise<control.SubvolumeInfo | undefined>;
  /** The id of the subvolume in which this folder lies. */
  subvolumeIdAt(path: string): Promise<number>;
  /** The subvolumes that lie directly in that one. */
  nested(path: string, id: number): Promise<readonly NestedSubvolume[]>;
  /** True if a subvolume of that id is there, or is still being freed after it was destroyed. */
  isKnown(path: string, id: number): Promise<boolean>;
  /** Destroys a subvolume by its id, read-only or not; nothing where it is gone. ENOTEMPTY while others lie within. Its blocks are freed in the background. */
  destroySubvolume(path: string, id: number): Promise<void>;
  /** Takes the read-only flag off a subvolume by its id, which would keep what lies within and its own name. ENOENT or ESTALE where it is gone. */
  makeWritable(path: string, id: number): Promise<void>;
  /** Writes the running transaction (not the files' pages), so that what qgroups say is of now. */
  commit(path: string): Promise<void>;
  /** The bytes of all files' data, also of what is only in memory yet (sysfs); undefined where the kernel does not show them. statfs(2) knows what was written by a transaction. */
  dataBytes(path: string): Promise<number | undefined>;
  /** The sum of the errors counted on all of the file system's devices (GET_DEV_STATS). */
  deviceErrors(path: string): Promise<number>;
  /** Quota status and qgroups of levels 0 and 1 (or the one given), as of the last transaction written, in one look at the quota tree. */
  qgroups(path: string, id?: number): Promise<qgroups.Qgroups>;
  /** The qgroups that this one is a member of, and those that are members of it. */
  relations(path: string, id: number): Promise<readonly number[]>;
  /** Turns quotas on: simple ones on Linux 6.7 and later, else full ones. Nothing where they are on. */
  enableQuotas(path: string): Promise<void>;
  /** Makes a qgroup; nothing where it is there. */
  createQgroup(path: string, id: number): Promise<void>;
  /** Removes a qgroup; nothing where it is gone. False while something is counted to it. */
  removeQgroup(path: string, id: number): Promise<boolean>;
  /** Limits what a qgroup may reference (ENOENT where it is missing, ENOTCONN where quotas are off); undefined: no limit any more, nothing where it is missing. */
  limitQgroup(path: string, id: number, limitBytes: number | undefined): Promise<void>;
  /** Makes one qgroup a member of another; nothing where it is. */
  assignQgroup(path: string, member: number, parent: number): Promise<void>;
  /** Ends that; nothing where it is none. */
  unassignQgroup(path: string, member: number, parent: number): Promise<void>;
  /** Starts counting anew in the background, in full mode after what leaves it inconsistent; nothing where that is under way. */
  startRescan(path: string): Promise<void>;
  /**
   * Sets what new files in a folder and the folders within will have (btrfs(5), compression and FS_NOCOW_FL). Links are not followed; folders
   * deeper than 128, and what is made or moved meanwhile, may stay as they were. Ends at the signal.
   */
  setFolderOptions(path: string, options: FolderOptions, signal: AbortSignal): Promise<void>;
}

const ROOT_TREE = 1n;
const INODE_ITEM_KEY = 1;
const ROOT_ITEM_KEY = 132;
const ROOT_REF_KEY = 156;
const ROOT_REF_HEAD_BYTES = 18; // struct btrfs_root_ref: folder, sequence, length of the name that follows
const ROOT_INODE = 256;
const LARGEST = (1n << 64n) - 1n;

const NOTHING_THERE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENOTTY']);

/** ENOTCONN: quotas are off. */
const WITHOUT_QGROUP: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTCONN']);

/** btrfs of this machine, by system calls. */
export function createBtrfs(): Btrfs {
  return {
    createSubvolume: (path, qgroupIds) =>
      withFolder(dirname(path), (fd) => control.createSubvolume(fd, path, basename(path), qgroupIds)),
    snapshot,
    snapshotTogether,
    subvolume: (path) =>
      unless(NOTHING_THERE, undefined, () =>
        withOpen(path, FOLDER_FLAGS | constants.O_NOFOLLOW, async (fd) =>
          fstatSync(fd).ino === ROOT_INODE ? control.subvolumeInfo(fd, path) : undefined,
        ),
      ),
    subvolumeIdAt: (path) => withFolder(path, async (fd) => (await control.subvolumeInfo(fd, path)).id),
    nested: (path, id) => withFolder(path, (fd) => nested(fd, path, id)),
    isKnown: (path, id) => withFolder(path, (fd) => isKnown(fd, path, id)),
    destroySubvolume: (path, id) => withFolder(path, (fd) => destroy(fd, path, id)),
    makeWritable: (path, id) => withFolder(path, (fd) => makeWritable(fd, path, id)),
    commit: (path) => withFolder(path, (fd) => control.commit(fd, path)),
    dataBytes: (path) => withFolder(path, (fd) => dataBytes(fd, path)),
    deviceErrors: (path) => withFolder(path, (fd) => deviceErrors(fd, path)),
    qgroups: (path, id) => withFolder(path, (fd) => qgroups.readQgroups(fd, path, id)),
    relations: (path, id) => withFolder(path, (fd) => qgroups.readRelations(fd, path, id)),
    enableQuotas: (path) => withFolder(path, (fd) => enableQuotas(fd, path)),
    createQgroup: (path, id) =>
      withFolder(path, (fd) => unless(['EEXIST'], undefined, () => qgroups.createQgroup(fd, path, id))),
    removeQgroup: (path, id) => withFolder(path, (fd) => removeQgroup(fd, path, id)),
    limitQgroup: (path, id, limitBytes) =>
      withFolder(path, (fd) =>
        unless(limitBytes === undefined ? WITHOUT_QGROUP : [], undefined, () =>
          qgroups.limitQgroup(fd, path, id, limitBytes),
        ),
      ),
    assignQgroup: (path, member, parent) =>
      withFolder(path, (fd) => unless(['EEXIST'], undefined, () => qgroups.assignQgroup(fd, path, member, parent))),
    unassignQgroup: (path, member, parent) =>
      withFolder(path, (fd) =>
        unless(WITHOUT_QGROUP, undefined, () => qgroups.assignQgroup(fd, path, member, parent, false)),
      ),
    startRescan: (path) => withFolder(path, (fd) => qgroups.startRescan(fd, path)),
    setFolderOptions,
  };
}

function snapshot(from: string, to: string, qgroupIds: readonly number[]): Promise<void> {
  return withOpen(from, READ_FLAGS, (source) =>
    withFolder(dirname(to), (fd) => control.createSnapshot(fd, to, basename(to), source, qgroupIds)),
  );
}

/** A snapshot writes its transaction at once, which the others then miss; what waits for one that is being written starts together. */
async function snapshotTogether(pairs: readonly { readonly from: string; readonly to: string }[]): Promise<void> {
  const [first] = pairs;
  if (first === undefined) return;
  if (pairs.length > 1) await withFolder(dirname(first.to), (fd) => control.startCommit(fd, first.to));
  const results = await Promise.allSettled(pairs.map(({ from, to }) => snapshot(from, to, [])));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function nested(fd: number, path: string, id: number): Promise<NestedSubvolume[]> {
  const first = { objectId: BigInt(id), type: ROOT_REF_KEY, offset: 0n };
  const found = await searchTree(fd, path, ROOT_TREE, first, { ...first, offset: LARGEST });
  return found.map(({ offset, data }) => ({
    id: Number(offset),
    folderInode: Number(data.readBigUInt64LE(0)),
    name: data.subarray(ROOT_REF_HEAD_BYTES, ROOT_REF_HEAD_BYTES + data.readUInt16LE(16)).toString(),
  }));
}

async function isKnown(fd: number, path: string, id: number): Promise<boolean> {
  const first = { objectId: BigInt(id), type: ROOT_ITEM_KEY, offset: 0n };
  return (await searchTree(fd, path, ROOT_TREE, first, { ...first, offset: LARGEST })).length > 0;
}

async function destroy(fd: number, path: string, id: number): Promise<void> {
  await unless(['ENOENT'], undefined, () => control.destroySubvolume(fd, path, id));
}

async function makeWritable(fd: number, path: string, id: number): Promise<void> {
  const key = { objectId: BigInt(ROOT_INODE), type: INODE_ITEM_KEY, offset: 0n };
  const [inode] = await searchTree(fd, path, BigInt(id), key, key);
  const generation = inode === undefined ? 0 : Number(BigInt.asUintN(32, inode.data.readBigUInt64LE(0)));
  const root = await control.openSubvolume(fd, path, id, generation, FOLDER_FLAGS);
  try {
    await control.makeWritable(root, path);
  } finally {
    closeSync(root);
  }
}

async function deviceErrors(fd: number, path: string): Promise<number> {
  const { largestDeviceId: largest } = await control.fileSystemInfo(fd, path);
  let total = 0;
  for (let id = 1; id <= largest; id++) {
    total += await unless(['ENODEV'], 0, () => control.deviceErrorCount(fd, path, id));
  }
  return total;
}

async function enableQuotas(fd: number, path: string): Promise<void> {
  const { status } = await qgroups.readQgroups(fd, path, 0);
  if (status.mode === 'off') await qgroups.enableQuotas(fd, path);
}

async function removeQgroup(fd: number, path: string, id: number): Promise<boolean> {
  try {
    await qgroups.removeQgroup(fd, path, id);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EBUSY') return false;
    if (WITHOUT_QGROUP.has(errnoOf(error))) return true;
    throw error;
  }
}

/** `fallback` where the call fails with one of these errors. */
async function unless<T, F>(
  expected: ReadonlySet<string | undefined> | readonly string[],
  fallback: F,
  call: () => Promise<T>,
): Promise<T | F> {
  const codes: ReadonlySet<string | undefined> = new Set(expected);
  try {
    return await call();
  } catch (error) {
    if (codes.has(errnoOf(error))) return fallback;
    throw error;
  }
}
