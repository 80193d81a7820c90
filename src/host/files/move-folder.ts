import { lstat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Files } from '../files.ts';
import { openFolder } from './beneath.ts';

export function createMoveFolder(rename: Files['rename']): Files['moveFolder'] {
  return (root, from, to) =>
    within(root, dirname(to), async (target) => {
      const move = async (source: string) => {
        const path = join(source, basename(from));
        if (!(await isFolder(path))) return false;
        await rename(path, join(target, basename(to)));
        return true;
      };
      try {
        return await within(root, dirname(from), move);
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error;
        return false;
      }
    });
}

async function within<T>(root: string, relative: string, use: (path: string) => Promise<T>): Promise<T> {
  const folder = await openFolder(root, relative);
  try {
    return await use(folder.path);
  } finally {
    await folder.close();
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await lstat(path)).isDirectory();
}
