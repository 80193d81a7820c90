import { constants, fstatSync, mkdirSync, rmdirSync } from 'node:fs';
import { lstat, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Files } from '../files.ts';
import { fchmod, fsync, withFolder } from './fd.ts';

export const folders: Pick<Files, 'makeFolder' | 'makeFolders' | 'removeFolder'> = {
  async makeFolder(path, mode, durability = 'now') {
    return withFolder(dirname(path), async (parent) => {
      if (!(await makeOne(path, mode))) return false;
      await withFolder(path, (fd) => setExactMode(fd, mode), constants.O_NOFOLLOW);
      if (durability === 'now') await fsync(parent);
      return true;
    });
  },

  makeFolders: async (path) => {
    mkdirSync(path, { recursive: true, mode: 0o755 }); // in-process: see openFolder
  },

  async removeFolder(path) {
    try {
      rmdirSync(path); // in-process: see openFolder
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  },
};

async function makeOne(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, mode);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && (await lstat(path)).isDirectory()) return false;
    throw error;
  }
}

/** The umask, a default ACL or a parent's setgid bit may have changed it: mkdir(2). */
async function setExactMode(fd: number, mode: number): Promise<void> {
  if ((fstatSync(fd).mode & 0o7777) === mode) return;
  await fchmod(fd, mode);
  await fsync(fd);
}
