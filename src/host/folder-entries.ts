import { constants } from 'node:fs';
import { errnoOf } from '../errors.ts';
import { O_PATH } from './files/fd.ts';
import { bindAsyncSyscall } from './libc.ts';

/** Names are bytes: one that is no UTF-8 could not be opened by Node's text of it. */
export interface FolderEntry {
  readonly name: Buffer; // with the zero byte behind it
  readonly type: number; // DT_*: see mayHoldData
}

const GETDENTS64 = process.arch === 'arm64' ? 61 : 217;
const OPENAT2 = 437;
const BUFFER_BYTES = 32 * 1024;
const NAME_OFFSET = 19; // struct linux_dirent64: inode, offset, record length, type, name
const O_CLOEXEC = 0o2000000;

const DT_UNKNOWN = 0;
const DT_DIR = 4;
export const DT_REG = 8;

const getdents64 = bindAsyncSyscall('getdents64', GETDENTS64, 'int fd, void *entries, size_t bytes');
const openat2 = bindAsyncSyscall('openat2', OPENAT2, 'int folder, const void *name, const void *how, size_t bytes');

/** struct open_how: O_PATH|O_NOFOLLOW|O_CLOEXEC; RESOLVE_BENEATH, NO_SYMLINKS, NO_MAGICLINKS, NO_XDEV. */
const OPEN_HOW = Buffer.alloc(24);
OPEN_HOW.writeBigUInt64LE(BigInt(O_PATH | constants.O_NOFOLLOW | O_CLOEXEC), 0);
OPEN_HOW.writeBigUInt64LE(BigInt(0x08 | 0x04 | 0x02 | 0x01), 16);

/** The entries of an open folder, as many at a time as fit a buffer (getdents64(2)), without `.` and `..`. */
export async function* folderEntries(fd: number): AsyncGenerator<FolderEntry[]> {
  const buffer = Buffer.alloc(BUFFER_BYTES);
  for (;;) {
    const bytes = await getdents64(undefined, fd, buffer, BUFFER_BYTES).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return 0; // the folder was removed meanwhile
      throw error;
    });
    if (bytes === 0) return;
    yield parseEntries(buffer.subarray(0, bytes));
  }
}

function parseEntries(buffer: Buffer): FolderEntry[] {
  const entries: FolderEntry[] = [];
  for (let at = 0; at < buffer.length; at += buffer.readUInt16LE(at + 16)) {
    const end = buffer.indexOf(0, at + NAME_OFFSET);
    const name = Buffer.from(buffer.subarray(at + NAME_OFFSET, end + 1));
    if (!isDots(name)) entries.push({ name, type: buffer.readUInt8(at + 18) });
  }
  return entries;
}

/** False for links, fifos, sockets and devices, as far as the folder tells. */
export function mayHoldData({ type }: FolderEntry): boolean {
  return type === DT_DIR || type === DT_REG || type === DT_UNKNOWN;
}

/** False for what is no folder, as far as the folder that it lies in tells. */
export function mayBeFolder({ type }: FolderEntry): boolean {
  return type === DT_DIR || type === DT_UNKNOWN;
}

/**
 * A reference (O_PATH: nothing happens to a device or fifo) to an entry as it lies in the folder.
 * @returns undefined where it went away, is a link or something is mounted on it
 */
export async function openEntry(folderFd: number, { name }: FolderEntry): Promise<number | undefined> {
  try {
    return await openat2(undefined, folderFd, name, OPEN_HOW, OPEN_HOW.length);
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'EXDEV', 'ESTALE'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

function isDots(name: Buffer): boolean {
  const text = name.toString('latin1', 0, Math.min(name.length - 1, 3));
  return text === '.' || text === '..';
}
