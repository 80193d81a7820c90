import { constants, lstatSync, mkdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Files } from '../files.ts';
import { fchmod, fsync, type SyncFolder, withFolder } from './fd.ts';
import type { Waiting } from './waiting.ts';

export function createFolders(
  waiting: Waiting,
  syncFolder: SyncFolder,
): Pick<Files, 'makeFolder' | 'makeFolders' | 'removeFolder'> {
  return {
    async makeFolder(path, mode, durability = 'now') {
      if (!(await makeOne(waiting, path, mode))) return false;
      await setExactMode(path, mode);
      if (durability === 'now') await syncFolder(dirname(path));
      return true;
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
}

async function makeOne(waiting: Waiting, path: string, mode: number): Promise<boolean> {
  try {
    await waiting.mkdir(path, mode);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && lstatSync(path).isDirectory()) return false;
    throw error;
  }
}

/** The umask, a default ACL or a parent's setgid bit may have changed it: mkdir(2). */
async function setExactMode(path: string, mode: number): Promise<void> {
  // In-process: what was made just now is known also of a server's.
  if ((lstatSync(path).mode & 0o7777) === mode) return;
  const set = async (fd: number) => {
    await fchmod(fd, mode);
    await fsync(fd);
  };
  await withFolder(path, set, constants.O_NOFOLLOW);
}
