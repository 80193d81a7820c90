import { constants, fstatSync } from 'node:fs';
import { lstat, mkdir, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Files } from '../files.ts';
import { fchmod, fsync, withFolder } from './fd.ts';

export const folders: Pick<Files, 'makeFolder' | 'makeFolders' | 'removeFolder'> = {
  async makeFolder(path, mode) {
    return withFolder(dirname(path), async (parent) => {
      if (!(await makeOne(path, mode))) return false;
      await withFolder(path, (fd) => setExactMode(fd, mode), constants.O_NOFOLLOW);
      await fsync(parent);
      return true;
    });
  },

  makeFolders: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o755 });
  },

  async removeFolder(path) {
    try {
      await rmdir(path);
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
