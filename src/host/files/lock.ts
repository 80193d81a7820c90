import { constants } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import type { Files } from '../files.ts';
import { bindCall } from '../libc.ts';
import { close, FOLDER_FLAGS, NEW_FILE_MODE, open } from './fd.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

const flock = bindCall('int flock(int fd, int operation)');

/** A lock that is held. Node opens with O_CLOEXEC, so children do not keep it. */
export interface HeldLock {
  readonly release: () => Promise<void>;
}

/** See Files.lock. The folder that the file lies in must be there. */
export const lock: Files['lock'] = (path) =>
  lockOpened(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW);

/** The same on a folder itself. */
export function lockFolder(path: string): Promise<HeldLock | undefined> {
  return lockOpened(path, FOLDER_FLAGS | constants.O_NOFOLLOW);
}

async function lockOpened(path: string, flags: number): Promise<HeldLock | undefined> {
  const fd = await open(path, flags, NEW_FILE_MODE);
  try {
    flock(path, fd, LOCK_EX | LOCK_NB);
    return { release: () => close(fd) };
  } catch (error) {
    await close(fd);
    if (errnoOf(error) === 'EAGAIN') return undefined;
    throw error;
  }
}
