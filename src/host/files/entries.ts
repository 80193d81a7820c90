import { constants } from 'node:fs';
import { chmod, lchown, lstat } from 'node:fs/promises';
import { constants as os } from 'node:os';
import { errnoOf } from '../../errors.ts';
import type { Files } from '../files.ts';
import { systemError } from '../libc.ts';
import { fstat, fsync, NEW_FILE_FLAGS, O_PATH, READ_FLAGS, withOpen } from './fd.ts';

export const entries: Pick<Files, 'touch' | 'chown' | 'chmod' | 'sync'> = {
  // O_EXCL: what is there is not opened, since it may be a bound device or lie on a dead server.
  async touch(path) {
    try {
      await withOpen(path, NEW_FILE_FLAGS, async () => undefined);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      const found = await lstat(path);
      if (found.isDirectory() || found.isSymbolicLink()) throw error;
    }
  },

  chown: lchown,

  // chmod(2) follows links, and a descriptor for fchmod(2) would open fifos and devices.
  chmod: (path, mode) =>
    withOpen(path, O_PATH | constants.O_NOFOLLOW, async (fd) => {
      if ((await fstat(fd)).isSymbolicLink()) throw systemError(os.errno.ELOOP, 'chmod', path);
      await chmod(`/proc/self/fd/${fd}`, mode);
    }),

  sync: (path) => withOpen(path, READ_FLAGS, fsync),
};
