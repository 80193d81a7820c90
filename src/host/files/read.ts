import { closeSync, openSync, readSync, read as readWithCallback } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { errnoOf } from '../../errors.ts';
import type { Files, TextFile } from '../files.ts';
import { systemError } from '../libc.ts';
import { fstat, READ_FLAGS, withOpen } from './fd.ts';

const readFd = promisify(readWithCallback);
const { EFBIG, EINVAL, EISDIR } = constants.errno;

/** How many files are read before the event loop has its turn: about 5 ms. */
const BATCH_FILES = 500;

export const reading: Pick<Files, 'read' | 'readAll' | 'readStart' | 'list'> = {
  async read(path, maxBytes) {
    try {
      return await withOpen(path, READ_FLAGS, (fd) => readText(fd, path, maxBytes));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  },

  async *readAll(folder, suffix, maxBytes) {
    const entries = await emptyIfMissing(readdir(folder, { withFileTypes: true }));
    const names = entries.filter((entry) => entry.name.endsWith(suffix) && entry.isFile()).map((entry) => entry.name);
    const buffer = Buffer.allocUnsafe(maxBytes + 1);
    for (let start = 0; start < names.length; start += BATCH_FILES) {
      yield names.slice(start, start + BATCH_FILES).flatMap((name) => readSmall(folder, name, buffer));
      await setImmediate();
    }
  },

  async readStart(path, lengthBytes) {
    try {
      return await withOpen(path, READ_FLAGS, async (fd) => {
        const buffer = Buffer.alloc(lengthBytes);
        const { bytesRead } = await readFd(fd, buffer, 0, lengthBytes, 0);
        return buffer.subarray(0, bytesRead);
      });
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  },

  list: async (folder) => (await emptyIfMissing(readdir(folder))).sort(),
};

/** Sizes are not trusted: those of files in /proc and /sys are 0 or a page. */
async function readText(fd: number, path: string, maxBytes: number): Promise<string> {
  const stat = await fstat(fd);
  if (!stat.isFile()) throw systemError(stat.isDirectory() ? EISDIR : EINVAL, 'read', path);
  const buffer = Buffer.allocUnsafe(maxBytes + 1);
  let length = 0;
  while (length <= maxBytes) {
    const { bytesRead } = await readFd(fd, buffer, length, buffer.length - length, null);
    if (bytesRead === 0) return buffer.toString('utf8', 0, length);
    length += bytesRead;
  }
  throw systemError(EFBIG, 'read', path);
}

/** One file as a list; none where it has gone meanwhile. `buffer` is one byte longer than a file may be. */
function readSmall(folder: string, name: string, buffer: Buffer): TextFile[] {
  try {
    const fd = openSync(join(folder, name), READ_FLAGS);
    try {
      const length = readFully(fd, buffer);
      return [{ name, text: length === buffer.length ? '' : buffer.toString('utf8', 0, length) }];
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? [] : [{ name, text: '' }];
  }
}

function readFully(fd: number, buffer: Buffer): number {
  let length = 0;
  while (length < buffer.length) {
    const bytesRead = readSync(fd, buffer, length, buffer.length - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}

async function emptyIfMissing<T>(entries: Promise<T[]>): Promise<T[]> {
  try {
    return await entries;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
