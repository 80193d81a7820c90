import { constants, lstatSync, realpathSync, type Stats } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { FileStat, FileSystemStat, Files } from '../files.ts';

/** f_type of statfs(2). */
const FILE_SYSTEM_TYPES: ReadonlyMap<number, FileSystemStat['type']> = new Map([
  [0xef53, 'ext'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlay'],
  [0x6969, 'nfs'],
]);

const STAT_BLOCK_BYTES = 512; // st_blocks counts in these: stat(2)

export const stating: Pick<Files, 'stat' | 'statfs' | 'isWritable' | 'resolveParent'> = {
  async stat(path) {
    try {
      return toFileStat(lstatSync(path)); // in-process: see openFolder
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
      throw error;
    }
  },

  // Blocks are counted in f_frsize, which Node does not give; on all types named above it equals f_bsize.
  async statfs(path) {
    const { type, bsize, blocks, bfree, bavail, files, ffree } = await statfs(path);
    return {
      type: FILE_SYSTEM_TYPES.get(type) ?? 'other',
      totalBytes: blocks * bsize,
      freeBytes: bfree * bsize,
      availableBytes: bavail * bsize,
      totalInodes: files,
      freeInodes: ffree,
    };
  },

  async isWritable(path) {
    try {
      await access(path, constants.W_OK);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'EROFS') return false;
      if (errnoOf(error) === 'EACCES') return true; // its mode says no, the file system does not
      throw error;
    }
  },

  async resolveParent(path) {
    return resolveParent(path);
  },
};

/** Of what is missing, the part that is there is resolved: folders that are made later lie beneath that. */
function resolveParent(path: string): string {
  const parent = dirname(path);
  if (parent === path) return path;
  try {
    return join(realpathSync.native(parent), basename(path)); // in-process: see openFolder
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return join(resolveParent(parent), basename(path));
    throw error;
  }
}

/** What stat(2) says, in our words. */
export function toFileStat(stats: Stats): FileStat {
  return {
    type: typeOf(stats),
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    sizeBytes: stats.size,
    allocatedBytes: stats.blocks * STAT_BLOCK_BYTES,
    device: stats.dev,
    rdev: stats.rdev,
    inode: stats.ino,
    modifiedAtMs: stats.mtimeMs,
  };
}

function typeOf(stats: Stats): FileStat['type'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  if (stats.isSymbolicLink()) return 'link';
  if (stats.isBlockDevice()) return 'block';
  if (stats.isCharacterDevice()) return 'character';
  return stats.isSocket() ? 'socket' : 'fifo';
}
