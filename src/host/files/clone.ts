import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Files } from '../files.ts';
import { bindAsyncCall } from '../libc.ts';
import { removeIfThere } from './durable.ts';
import { fsync, ftruncate, NEW_FILE_FLAGS, READ_FLAGS, withOpen } from './fd.ts';
import { isNocow, setNocow } from './flags.ts';
import { temporaryBeside } from './temporary.ts';

export const FICLONE = 0x40049409; // ioctl_ficlone(2); the same number on x86-64 and arm64

/** What ioctl_ficlone(2) says where these two files can never be cloned. ENOTSUP is Node's name for EOPNOTSUPP. */
export const NOT_CLONABLE: ReadonlySet<string | undefined> = new Set([
  'ENOTSUP',
  'ENOTTY',
  'ENOSYS',
  'EXDEV',
  'EINVAL',
]);

const PROBE_BYTES = 4096;

const ioctl = bindAsyncCall('int ioctl(int fd, unsigned long request, long source_fd)');

export const cloning: Pick<Files, 'clone' | 'canClone'> = {
  clone: (from, to) => withOpen(from, READ_FLAGS, (source) => cloneInto(source, from, to)),

  async canClone(folder) {
    const probe = temporaryBeside(join(folder, 'clone-probe'));
    const copy = temporaryBeside(join(folder, 'clone-probe'));
    try {
      await withOpen(probe, NEW_FILE_FLAGS, (fd) => ftruncate(fd, PROBE_BYTES));
      await cloning.clone(probe, copy);
      return true;
    } catch (error) {
      if (NOT_CLONABLE.has(errnoOf(error))) return false;
      throw error;
    } finally {
      await removeIfThere(probe);
      await removeIfThere(copy);
    }
  },
};

function cloneInto(source: number, from: string, to: string): Promise<void> {
  return withOpen(to, NEW_FILE_FLAGS, async (target) => {
    try {
      // btrfs refuses with EINVAL where only one of the two is written in place.
      if (await isNocow(source, from)) await setNocow(target, to);
      await ioctl(from, target, FICLONE, source);
      await fsync(target);
    } catch (error) {
      await unlink(to);
      throw error;
    }
  });
}
