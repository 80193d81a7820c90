import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Files } from '../files.ts';
import { bindAsyncCall } from '../libc.ts';
import type { SyncFolder } from './fd.ts';

const AT_FDCWD = -100;
const RENAME_NOREPLACE = 1;

const renameat2 = bindAsyncCall(
  'int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags)',
);

export function createRename(syncFolder: SyncFolder): Files['rename'] {
  return async (from, to, durability = 'now') => {
    await renameNew(from, to);
    if (durability === 'later') return;
    // The new name first: where each folder is written on its own, a crash then leaves two names rather than none.
    await syncFolder(dirname(to));
    if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
  };
}

/** NFS knows no flags (EINVAL). There a folder is renamed without: it replaces nothing but an empty folder. */
async function renameNew(from: string, to: string): Promise<void> {
  try {
    await renameat2(from, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
  } catch (error) {
    if (errnoOf(error) !== 'EINVAL' || !(await lstat(from)).isDirectory()) throw error;
    await renameat2(from, AT_FDCWD, from, AT_FDCWD, to, 0).catch(asExisting);
  }
}

/** What a plain rename says of a folder that is not empty. */
function asExisting(error: unknown): never {
  if (errnoOf(error) === 'ENOTEMPTY' && error instanceof Error) throw Object.assign(error, { code: 'EEXIST' });
  throw error;
}
