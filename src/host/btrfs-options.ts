import { closeSync, constants, openSync } from 'node:fs';
import { errnoOf } from '../errors.ts';
import { FOLDER_FLAGS } from './files/fd.ts';
import { type FolderEntry, folderEntries, mayBeFolder, openEntry } from './folder-entries.ts';
import { bindAsyncCall } from './libc.ts';

const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;
const FS_NOCOW_FL = 0x00800000;
const COMPRESSION = 'btrfs.compression';

/** Each level holds a descriptor. */
const DEPTH_MAX = 128;

const ioctl = bindAsyncCall('int ioctl(int fd, unsigned long request, void *arg)');
const fsetxattr = bindAsyncCall('int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)');

/** What new files in a folder shall have. What is left out stays as it is. */
export interface FolderOptions {
  readonly compression?: 'none' | 'zstd' | 'lzo' | 'zlib';
  readonly copyOnWrite?: boolean;
}

/** See Btrfs.setFolderOptions. Reads names by descriptors only, so that links swapped in meanwhile lead nowhere. */
export async function setFolderOptions(path: string, options: FolderOptions, signal: AbortSignal): Promise<void> {
  const fd = openFolder(path, constants.O_NOFOLLOW);
  if (fd !== undefined) await setBeneath(fd, { path, options, signal }, DEPTH_MAX);
}

interface Walk {
  readonly path: string; // of the uppermost folder, for errors
  readonly options: FolderOptions;
  readonly signal: AbortSignal;
}

/** Takes the descriptor over. */
async function setBeneath(fd: number, walk: Walk, depth: number): Promise<void> {
  try {
    walk.signal.throwIfAborted();
    await (depth === DEPTH_MAX ? setOne(fd, walk) : setInner(fd, walk));
    if (depth === 0) return;
    for await (const entries of folderEntries(fd)) {
      for (const entry of entries.filter(mayBeFolder)) {
        const inner = await openFolderIn(fd, entry);
        if (inner !== undefined) await setBeneath(inner, walk, depth - 1);
      }
    }
  } finally {
    closeSync(fd);
  }
}

async function openFolderIn(folderFd: number, entry: FolderEntry): Promise<number | undefined> {
  const reference = await openEntry(folderFd, entry);
  if (reference === undefined) return undefined;
  try {
    return openFolder(`/proc/self/fd/${reference}`, 0);
  } finally {
    closeSync(reference);
  }
}

/** Undefined where it went away, or is another thing. */
function openFolder(path: string, flags: number): number | undefined {
  try {
    return openSync(path, FOLDER_FLAGS | flags);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Users make folders immutable and subvolumes read-only: there nothing new can be made, so that there is nothing to set. */
async function setInner(fd: number, walk: Walk): Promise<void> {
  try {
    await setOne(fd, walk);
  } catch (error) {
    if (!['EPERM', 'EROFS'].includes(errnoOf(error) ?? '')) throw error;
  }
}

/** Compression (also the word that there be none) and writing in place exclude one another: each goes before the other comes. */
async function setOne(fd: number, { path, options }: Walk): Promise<void> {
  const { compression, copyOnWrite } = options;
  const flags = await readFlags(fd, path);
  const isNocow = (flags & FS_NOCOW_FL) !== 0;
  const stays = copyOnWrite === undefined && isNocow && (compression ?? 'none') === 'none';
  if (copyOnWrite !== false && !stays) {
    if (isNocow) await writeFlags(fd, path, flags & ~FS_NOCOW_FL);
    if (compression !== undefined) await setCompression(fd, path, compression);
  } else if (!isNocow) {
    await setCompression(fd, path, '');
    await writeFlags(fd, path, (await readFlags(fd, path)) | FS_NOCOW_FL);
  }
}

/** The empty word takes the property away. */
async function setCompression(fd: number, path: string, value: string): Promise<void> {
  const bytes = Buffer.from(value);
  await fsetxattr(path, fd, COMPRESSION, bytes, bytes.length, 0);
}

async function readFlags(fd: number, path: string): Promise<number> {
  const flags = Buffer.alloc(8);
  await ioctl(path, fd, FS_IOC_GETFLAGS, flags);
  return flags.readUInt32LE();
}

async function writeFlags(fd: number, path: string, value: number): Promise<void> {
  const flags = Buffer.alloc(8);
  flags.writeUInt32LE(value >>> 0);
  await ioctl(path, fd, FS_IOC_SETFLAGS, flags);
}
