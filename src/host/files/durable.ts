import { constants, write as writeWithCallback } from 'node:fs';
import { rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from '../../errors.ts';
import type { Files } from '../files.ts';
import { OWN_FILE_FLAGS, type SyncFolder, withOpen } from './fd.ts';
import { temporaryBeside } from './temporary.ts';

const write = promisify(writeWithCallback);

/** Files that are there whole or not at all, and gone for good or not at all, after a crash. */
export function createDurable(syncFolder: SyncFolder): Pick<Files, 'writeDurably' | 'removeDurably'> {
  return {
    async writeDurably(path, text) {
      const temporary = temporaryBeside(path);
      try {
        // O_SYNC: the write is its own fsync, one wait less (open(2)).
        await withOpen(temporary, OWN_FILE_FLAGS | constants.O_SYNC, (fd) => writeAll(fd, text));
        await rename(temporary, path);
      } catch (error) {
        await removeIfThere(temporary);
        throw error;
      }
      await syncFolder(dirname(path));
    },

    async removeDurably(path) {
      if (await removeIfThere(path)) await syncFolder(dirname(path));
    },
  };
}

/** Unlinks a file; false where it was not there (ENOENT). */
export async function removeIfThere(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function writeAll(fd: number, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  for (let offset = 0; offset < bytes.length; ) {
    const { bytesWritten } = await write(fd, bytes, offset, bytes.length - offset);
    offset += bytesWritten;
  }
}
