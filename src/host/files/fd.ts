import * as fs from 'node:fs';
import { promisify } from 'node:util';

/** Calls on bare descriptors, which the system calls bound through koffi need too. */
export const open = promisify(fs.open);
export const close = promisify(fs.close);
export const fsync = promisify(fs.fsync);
export const fstat = promisify(fs.fstat);
export const fchmod = promisify(fs.fchmod);
export const ftruncate = promisify(fs.ftruncate);

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_CREAT, O_EXCL, O_RDWR } = fs.constants;

/** A file as it lies there: no link is followed, no fifo waited for. */
export const READ_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
/** A folder that may be named by /proc/<pid>/fd/<n>, which is a link. */
export const FOLDER_FLAGS = O_RDONLY | O_DIRECTORY;
/** A file that must not be there yet. */
export const NEW_FILE_FLAGS = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
/** A file of a name that nobody else has. Without O_EXCL, which NFS carries out with one more change of the file. */
export const OWN_FILE_FLAGS = O_RDWR | O_CREAT | O_NOFOLLOW;
export const NEW_FILE_MODE = 0o600;
/** open(2): only a reference to what lies there. Node has no name for it; the same on x86-64 and arm64. */
export const O_PATH = 0o10000000;

/** Opens a file (mode 0600 if it is made), lets `use` work on it, and closes it in every case. Closing waits for nothing: what was written was synced. */
export async function withOpen<T>(path: string, flags: number, use: (fd: number) => Promise<T>): Promise<T> {
  const fd = await open(path, flags, NEW_FILE_MODE);
  try {
    return await use(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Opens a folder for its descriptor; in-process, since nothing is read. `flags` are added. */
export async function withFolder<T>(path: string, use: (fd: number) => Promise<T>, flags = 0): Promise<T> {
  const fd = fs.openSync(path, FOLDER_FLAGS | flags);
  try {
    return await use(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Makes what was changed in a folder durable. */
export type SyncFolder = (path: string) => Promise<void>;

/** fsync of a folder: what was made, renamed or removed in it stays so after a crash (fsync(2)). */
export function syncFolder(path: string): Promise<void> {
  return withFolder(path, fsync);
}
