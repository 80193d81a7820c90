import { closeSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Files } from '../files.ts';
import { NEW_FILE_MODE, OWN_FILE_FLAGS, type SyncFolder } from './fd.ts';
import { temporaryBeside } from './temporary.ts';
import { inThreads, type Waiting } from './waiting.ts';

/** Files that are there whole or not at all, and gone for good or not at all, after a crash. */
export function createDurable(
  waiting: Waiting,
  syncFolder: SyncFolder,
): Pick<Files, 'writeDurably' | 'removeDurably' | 'removeFile'> {
  async function writeNew(path: string, text: string): Promise<void> {
    // O_SYNC: the write is its own fsync, one wait less (open(2)).
    const fd = await waiting.open(path, OWN_FILE_FLAGS | constants.O_SYNC, NEW_FILE_MODE);
    try {
      const bytes = Buffer.from(text);
      for (let offset = 0; offset < bytes.length; ) offset += await waiting.write(fd, bytes, offset);
    } finally {
      closeSync(fd); // waits for nothing: what was written was synced
    }
  }

  return {
    async writeDurably(path, text, durability = 'now') {
      const temporary = temporaryBeside(path);
      try {
        await writeNew(temporary, text);
        await waiting.rename(temporary, path);
      } catch (error) {
        await removeIfThere(temporary, waiting);
        throw error;
      }
      if (durability === 'now') await syncFolder(dirname(path));
    },

    async removeDurably(path) {
      if (await removeIfThere(path, waiting)) await syncFolder(dirname(path));
    },

    removeFile: async (path) => {
      await removeIfThere(path, waiting);
    },
  };
}

/** Unlinks a file; false where it was not there (ENOENT). */
export async function removeIfThere(path: string, waiting = inThreads): Promise<boolean> {
  try {
    await waiting.unlink(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
