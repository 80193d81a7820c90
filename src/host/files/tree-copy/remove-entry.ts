import { randomUUID } from 'node:crypto';
import { rename, unlink } from 'node:fs/promises';
import { errnoOf } from '../../../errors.ts';
import { entryPath, type Name } from './calls.ts';
import type { Job } from './job.ts';

/** Removes an entry of the target that an earlier copy left, whole trees too. Nothing where it is missing. */
export async function removeEntry({ commands, signal }: Job, folderFd: number, name: Name): Promise<void> {
  try {
    await unlink(entryPath(folderFd, name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    if (errnoOf(error) !== 'EISDIR') throw error;
    // rm(1) removes trees of any depth. Under a name that can be said to a command: if it is left, the next copy removes it.
    const plain = `.stowage-leftover-${randomUUID()}`;
    await rename(entryPath(folderFd, name), entryPath(folderFd, plain));
    const path = `/proc/${process.pid}/fd/${folderFd}/${plain}`;
    await commands.run('rm', ['-rf', '--one-file-system', '--', path], { signal });
  }
}
