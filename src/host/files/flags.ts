import { errnoOf } from '../../errors.ts';
import { bindAsyncCall } from '../libc.ts';

const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;
const FS_NOCOW_FL = 0x00800000;

const ioctl = bindAsyncCall('int ioctl(int fd, unsigned long request, void *arg)');

/** True if the file is marked to be written in place (ioctl_iflags(2), FS_NOCOW_FL); false where its file system has no such flags. */
export async function isNocow(fd: number, path: string): Promise<boolean> {
  return ((await readFlags(fd, path)) & FS_NOCOW_FL) !== 0;
}

/** Marks an empty file to be written in place; nothing where its file system does not know that. */
export async function setNocow(fd: number, path: string): Promise<void> {
  const flags = Buffer.alloc(8);
  flags.writeUInt32LE(((await readFlags(fd, path)) | FS_NOCOW_FL) >>> 0);
  await whereKnown(() => ioctl(path, fd, FS_IOC_SETFLAGS, flags));
}

async function readFlags(fd: number, path: string): Promise<number> {
  const flags = Buffer.alloc(8);
  await whereKnown(() => ioctl(path, fd, FS_IOC_GETFLAGS, flags));
  return flags.readUInt32LE();
}

async function whereKnown(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!['ENOTTY', 'ENOTSUP', 'EINVAL'].includes(errnoOf(error) ?? '')) throw error;
  }
}
