import { lstatSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Files } from '../files.ts';
import { unlessMissing } from '../if-there.ts';
import { openFolder } from './beneath.ts';
import type { SyncFolder } from './fd.ts';
import type { Waiting } from './waiting.ts';

export function createMoveFolder(
  waiting: Waiting,
  syncFolder: SyncFolder,
  { readLink, removeDurably }: Pick<Files, 'readLink' | 'removeDurably'>,
): Files['moveFolder'] {
  const moveFolder = (root: string, from: string, to: string) =>
    within(root, dirname(to), async (target) => {
      const move = async (source: string) => {
        const path = join(source, basename(from));
        if (!lstatSync(path).isDirectory()) return false; // in-process: see openFolder
        await waiting.rename(path, join(target, basename(to)));
        // The new name first: see rename.
        await syncFolder(target);
        await syncFolder(source);
        return true;
      };
      return unlessMissing(() => within(root, dirname(from), move), false);
    });

  return async (root, from, to, claim) => {
    if (claim !== undefined && (await readLink(claim.path)) !== claim.text) return false;
    const isMoved = await moveFolder(root, from, to);
    if (claim !== undefined) await removeDurably(claim.path);
    return isMoved;
  };
}

async function within<T>(root: string, relative: string, use: (path: string) => Promise<T>): Promise<T> {
  const folder = await openFolder(root, relative);
  try {
    return await use(folder.path);
  } finally {
    await folder.close();
  }
}
