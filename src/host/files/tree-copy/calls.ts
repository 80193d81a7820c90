import { type BigIntStats, fstatSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { errnoOf } from '../../../errors.ts';
import { bindAsyncCall, bindAsyncSyscall } from '../../libc.ts';

/** The name of an entry, one byte a character: names need not be UTF-8, and as text they take little room. */
export type Name = string;
export type BigStat = BigIntStats;

const OPENAT2 = 437;
const O_CLOEXEC = 0o2000000;
/** openat2(2): BENEATH, NO_SYMLINKS, NO_MAGICLINKS, NO_XDEV. */
const RESOLVE = 0x08n | 0x04n | 0x02n | 0x01n;
const OPEN_HOW_BYTES = 24;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_STATX_FORCE_SYNC = 0x2000;
const STATX_BASIC_STATS = 0x7ff;
const STATX_BYTES = 256;
const PATH_BYTES = 4096;
const NS_PER_S = 1_000_000_000n;

const openat2 = bindAsyncSyscall('openat2', OPENAT2, 'int folder, const void *path, const void *how, size_t bytes');
const readlinkat = bindAsyncCall('long readlinkat(int fd, const char *path, void *text, size_t bytes)');
const mknodat = bindAsyncCall('int mknodat(int folder, const void *name, unsigned int mode, unsigned long device)');
const fchownat = bindAsyncCall('int fchownat(int fd, const char *path, unsigned int uid, unsigned int gid, int flags)');
const utimensat = bindAsyncCall('int utimensat(int folder, const char *path, const void *times, int flags)');
const syncfs = bindAsyncCall('int syncfs(int fd)');
const statx = bindAsyncCall('int statx(int fd, const char *path, int flags, unsigned int mask, void *stat)');

/** Makes all of the file system durable that is open: syncfs(2). */
export async function syncFileSystem(fd: number): Promise<void> {
  await syncfs(undefined, fd);
}

/** A path by which Node reaches an entry of an open folder. */
export function entryPath(folderFd: number, name: Name): Buffer {
  return Buffer.from(`/proc/self/fd/${folderFd}/${name}`, 'latin1');
}

/** The path of what is open, also with O_PATH, whatever it is. */
export function openedPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** openat2(2) beneath an open folder, through no link and onto no other file system (EXDEV). O_PATH|O_NOFOLLOW gives a link itself. */
export function openBeneath(folderFd: number, path: Name, flags: number, mode = 0): Promise<number> {
  const how = Buffer.alloc(OPEN_HOW_BYTES); // struct open_how: flags, mode, resolve
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(mode), 8);
  how.writeBigUInt64LE(RESOLVE, 16);
  return openat2(undefined, folderFd, withZero(path), how, how.length);
}

/** In-process: of what was opened or changed just now, the attributes are known. */
export function statOf(fd: number): BigStat {
  return fstatSync(fd, { bigint: true });
}

/** undefined where it is missing. */
export async function statEntry(folderFd: number, name: Name): Promise<BigStat | undefined> {
  try {
    return await lstat(entryPath(folderFd, name), { bigint: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Asks the server for a folder's attributes now (statx(2)): a cached listing that is no longer true is then read anew. */
export async function refresh(folderFd: number): Promise<void> {
  const flags = AT_EMPTY_PATH | AT_STATX_FORCE_SYNC;
  await statx(undefined, folderFd, '', flags, STATX_BASIC_STATS, Buffer.alloc(STATX_BYTES));
}

/** The text of a link that was opened with O_PATH. */
export async function readOpenedLink(fd: number): Promise<Buffer> {
  const text = Buffer.alloc(PATH_BYTES);
  return text.subarray(0, await readlinkat(undefined, fd, '', text, text.length));
}

/** A fifo, socket or device node: mknod(2). */
export async function makeNode(folderFd: number, name: Name, mode: number, device: bigint): Promise<void> {
  await mknodat(undefined, folderFd, withZero(name), mode, device);
}

/** The owner of what is open, also of a link. */
export async function setOwner(fd: number, uid: number, gid: number): Promise<void> {
  await fchownat(undefined, fd, '', uid, gid, AT_EMPTY_PATH);
}

/** Times to the nanosecond of what is open, also of a link. */
export async function setTimes(fd: number, { atimeNs, mtimeNs }: BigStat): Promise<void> {
  const times = Buffer.alloc(32); // two struct timespec
  [atimeNs, mtimeNs].forEach((ns, index) => {
    const rest = ((ns % NS_PER_S) + NS_PER_S) % NS_PER_S; // before 1970 too
    times.writeBigInt64LE((ns - rest) / NS_PER_S, index * 16);
    times.writeBigInt64LE(rest, index * 16 + 8);
  });
  await utimensat(undefined, AT_FDCWD, openedPath(fd), times, 0);
}

/** A name as C has it. */
export function withZero(name: Name): Buffer {
  return Buffer.from(`${name}\0`, 'latin1');
}
