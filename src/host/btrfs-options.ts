import { closeSync, constants, openSync, readdirSync } from 'node:fs';
import { errnoOf } from '../errors.ts';
import { FOLDER_FLAGS } from './files/fd.ts';
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
  await setBeneath(path, path, options, signal, DEPTH_MAX);
}

async function setBeneath(
  path: string,
  shown: string,
  options: FolderOptions,
  signal: AbortSignal,
  depth: number,
): Promise<void> {
  signal.throwIfAborted();
  const fd = openFolder(path);
  if (fd === undefined) return;
  try {
    await setOne(fd, shown, options);
    if (depth === 0) return;
    const here = `/proc/self/fd/${fd}`;
    const folders = readdirSync(here, { withFileTypes: true, encoding: 'buffer' }).filter((entry) =>
      entry.isDirectory(),
    );
    for (const { name } of folders) {
      const text = name.toString();
      if (Buffer.compare(Buffer.from(text), name) !== 0) continue; // no UTF-8: Node cannot name it
      await setBeneath(`${here}/${text}`, `${shown}/${text}`, options, signal, depth - 1);
    }
  } finally {
    closeSync(fd);
  }
}

/** Undefined where it went away, or another thing took its place. */
function openFolder(path: string): number | undefined {
  try {
    return openSync(path, FOLDER_FLAGS | constants.O_NOFOLLOW);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Compression (also the word that there be none) and writing in place exclude one another: each goes before the other comes. */
async function setOne(fd: number, path: string, { compression, copyOnWrite }: FolderOptions): Promise<void> {
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
