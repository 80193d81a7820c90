import { constants } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { constants as os } from 'node:os';
import type { Commands } from '../command.ts';
import type { Files } from '../files.ts';
import { systemError } from '../libc.ts';
import { fstat, fsync, ftruncate, NEW_FILE_FLAGS, READ_FLAGS, withOpen } from './fd.ts';
import { setNocow } from './flags.ts';

/** Files that are as large as they are told to be. */
export function createSizes(commands: Commands): Pick<Files, 'createSparse' | 'grow' | 'allocate'> {
  return {
    createSparse: (path, sizeBytes) =>
      withOpen(path, NEW_FILE_FLAGS, async (fd) => {
        try {
          await setNocow(fd, path);
          await ftruncate(fd, sizeBytes);
        } catch (error) {
          await unlink(path);
          throw error;
        }
      }),

    grow: (path, sizeBytes) =>
      withOpen(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK, async (fd) => {
        if (sizeBytes < (await fstat(fd)).size) throw systemError(os.errno.EINVAL, 'ftruncate', path);
        await ftruncate(fd, sizeBytes);
        await fsync(fd);
      }),

    async allocate(path, sizeBytes, signal) {
      await commands.run('fallocate', ['--length', String(sizeBytes), '--', path], { signal });
      await withOpen(path, READ_FLAGS, fsync);
    },
  };
}
