import { constants, lstatSync, mkdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Files, LinkText } from '../files.ts';
import { fchmod, fsync, type SyncFolder, withFolder } from './fd.ts';
import type { Waiting } from './waiting.ts';

export function createFolders(
  waiting: Waiting,
  syncFolder: SyncFolder,
  { makeLink, readLink }: Pick<Files, 'makeLink' | 'readLink'>,
): Pick<Files, 'makeFolder' | 'makeFolders' | 'removeFolder'> {
  /** Whether the path is claimed now, or was by an earlier call; undefined where it is another's. */
  async function claimed(path: string, { path: link, text }: LinkText): Promise<'now' | 'before' | undefined> {
    if (await makeLink(link, path, text)) return 'now';
    return (await readLink(link)) === text ? 'before' : undefined;
  }

  return {
    async makeFolder(path, mode, durability = 'now', claim) {
      // First: who dies in between leaves a claim without a folder, which the next call goes on from; a folder without a claim would be nobody's.
      const since = claim === undefined ? 'before' : await claimed(path, claim);
      if (since === undefined || !(await makeOne(waiting, path, mode, since === 'before'))) return false;
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

/** @param mayBeThere else a folder that is there is refused like any other thing */
async function makeOne(waiting: Waiting, path: string, mode: number, mayBeThere: boolean): Promise<boolean> {
  try {
    await waiting.mkdir(path, mode);
    return true;
  } catch (error) {
    if (mayBeThere && errnoOf(error) === 'EEXIST' && lstatSync(path).isDirectory()) return false;
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
