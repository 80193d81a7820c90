import { dirname } from 'node:path';
import type { Files } from '../files.ts';
import { bindAsyncCall } from '../libc.ts';
import { syncFolder } from './fd.ts';

const AT_FDCWD = -100;
const RENAME_NOREPLACE = 1;

const renameat2 = bindAsyncCall(
  'int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags)',
);

export const rename: Files['rename'] = async (from, to, durability = 'now') => {
  await renameat2(from, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
  if (durability === 'later') return;
  // The new name first: where each folder is written on its own, a crash then leaves two names rather than none.
  await syncFolder(dirname(to));
  if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
};
