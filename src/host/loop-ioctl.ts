import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { bindCall } from './libc.ts';

/** Requests and flags of linux/loop.h and linux/fs.h: loop(4). */
const BLKROSET = 0x125d;
const LOOP_CLR_FD = 0x4c01;
const LOOP_SET_STATUS64 = 0x4c04;
const LOOP_GET_STATUS64 = 0x4c05;
const LOOP_SET_CAPACITY = 0x4c07;
const LOOP_CONFIGURE = 0x4c0a;
const LOOP_CTL_GET_FREE = 0x4c82;
const LO_FLAGS_READ_ONLY = 1;
const LO_FLAGS_AUTOCLEAR = 4;
const LO_FLAGS_DIRECT_IO = 16;

/** struct loop_info64, and struct loop_config around it: u32 fd, u32 block_size, loop_info64 info, u64 reserved[8]. */
const INFO_BYTES = 232;
const CONFIG_BYTES = 304;
const CONFIG_INFO_OFFSET = 8;
const INFO_DEVICE_OFFSET = 0;
const INFO_INODE_OFFSET = 8;
const INFO_FLAGS_OFFSET = 52;
const INFO_FILE_NAME_OFFSET = 56;
const MAX_FILE_NAME_BYTES = 63;

const ioctl = bindCall('int ioctl(int fd, unsigned long request, void *arg)');
const ioctlNumber = bindCall('int ioctl(int fd, unsigned long request, long arg)');

/** What the kernel says of an attached loop device. */
export interface LoopStatus {
  readonly identity: string; // of the backing file: identityOf
  readonly clearsItself: boolean; // it is detached when its last user closes it
}

/** A file's identity, in the form of LoopStatus. Both numbers are exact in `stat` with `bigint: true`. */
export function identityOf(stat: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${stat.dev}:${stat.ino}`;
}

/** Opens a loop device or another file for one use. `O_RDONLY` on a device spares it udev's look after each writer. */
export async function withOpen<T>(
  path: string,
  flags: number,
  use: (handle: FileHandle) => T | Promise<T>,
): Promise<T> {
  const handle = await open(path, flags);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

/** LOOP_GET_STATUS64. Throws ENXIO where nothing is attached. */
export function getStatus(device: string): Promise<LoopStatus> {
  return withOpen(device, constants.O_RDONLY, ({ fd }) => {
    const info = readInfo(fd, device);
    const [dev, ino] = [info.readBigUInt64LE(INFO_DEVICE_OFFSET), info.readBigUInt64LE(INFO_INODE_OFFSET)];
    return {
      identity: identityOf({ dev: toStatDevice(dev), ino }),
      clearsItself: (info.readUInt32LE(INFO_FLAGS_OFFSET) & LO_FLAGS_AUTOCLEAR) !== 0,
    };
  });
}

function readInfo(fd: number, device: string): Buffer {
  const info = Buffer.alloc(INFO_BYTES);
  ioctl(device, fd, LOOP_GET_STATUS64, info);
  return info;
}

/** The kernel's huge_encode_dev (12 bits of major, 20 of minor) as the C library's makedev: the same bits, in these ranges. */
function toStatDevice(device: bigint): bigint {
  return device & 0xffff_ffffn;
}

/** Keeps a device that LOOP_CLR_FD has marked to clear itself at its last close. Throws ENXIO where it is gone already. */
export function keepAttached(device: string): Promise<void> {
  return withOpen(device, constants.O_RDWR, ({ fd }) => {
    const info = readInfo(fd, device);
    info.writeUInt32LE(info.readUInt32LE(INFO_FLAGS_OFFSET) & ~LO_FLAGS_AUTOCLEAR, INFO_FLAGS_OFFSET);
    ioctl(device, fd, LOOP_SET_STATUS64, info);
  });
}

/** The number of a device that is free now (LOOP_CTL_GET_FREE; the kernel makes one where there is none). */
export function getFreeNumber(): Promise<number> {
  const control = '/dev/loop-control';
  return withOpen(control, constants.O_RDWR, ({ fd }) => ioctlNumber(control, fd, LOOP_CTL_GET_FREE, 0));
}

/** LOOP_CONFIGURE: attaches an open file, all in one step. Throws EBUSY where the device has a file already; EINVAL where direct I/O is refused. */
export function configure(
  device: string,
  fileFd: number,
  fileName: string,
  options: { readonly blockSizeBytes: number; readonly readOnly: boolean; readonly directIo: boolean },
): Promise<void> {
  const config = Buffer.alloc(CONFIG_BYTES);
  config.writeUInt32LE(fileFd, 0);
  config.writeUInt32LE(options.blockSizeBytes, 4);
  const flags = (options.readOnly ? LO_FLAGS_READ_ONLY : 0) | (options.directIo ? LO_FLAGS_DIRECT_IO : 0);
  config.writeUInt32LE(flags, CONFIG_INFO_OFFSET + INFO_FLAGS_OFFSET);
  config.write(fileName, CONFIG_INFO_OFFSET + INFO_FILE_NAME_OFFSET, MAX_FILE_NAME_BYTES, 'utf8');
  const mode = options.readOnly ? constants.O_RDONLY : constants.O_RDWR;
  return withOpen(device, mode, ({ fd }) => {
    ioctl(device, fd, LOOP_CONFIGURE, config);
  });
}

/** LOOP_CLR_FD: detaches at once, or at the last close where others have the device open. Throws ENXIO where nothing is attached. */
export function clear(device: string): Promise<void> {
  return withOpen(device, constants.O_RDONLY, ({ fd }) => {
    ioctlNumber(device, fd, LOOP_CLR_FD, 0);
  });
}

/** LOOP_SET_CAPACITY: takes over the file's size. */
export function setCapacity(device: string): Promise<void> {
  return withOpen(device, constants.O_RDONLY, ({ fd }) => {
    ioctlNumber(device, fd, LOOP_SET_CAPACITY, 0);
  });
}

/** BLKROSET: makes a block device read-only or writable. */
export function setDeviceReadOnly(device: string, readOnly: boolean): Promise<void> {
  const value = Buffer.alloc(4);
  value.writeInt32LE(readOnly ? 1 : 0);
  return withOpen(device, constants.O_RDONLY, ({ fd }) => {
    ioctl(device, fd, BLKROSET, value);
  });
}
