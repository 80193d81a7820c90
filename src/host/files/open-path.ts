import { closeSync, fchmodSync, readFileSync, readlinkSync } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import type { Files, OpenPath } from '../files.ts';
import { bindAsyncCall, bindAsyncSyscall } from '../libc.ts';
import { fstat, NEW_FILE_FLAGS, O_PATH, open } from './fd.ts';
import { toFileStat } from './stat.ts';

const OPENAT2 = 437;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;
const O_CLOEXEC = 0o2000000;
const O_DIRECTORY = 0o200000;
const OPEN_HOW_BYTES = 24;

// In threads, unlike openFolder: what lies beneath a host path may be on a disk that fails, or on a dead server.
const openat2 = bindAsyncSyscall(
  'openat2',
  OPENAT2,
  'int root_fd, const char *relative, const void *how, unsigned long how_bytes',
);
const mkdirat = bindAsyncCall('int mkdirat(int dfd, const char *path, unsigned int mode)');

/** openat2(2) beneath `rootFd`, through no link. */
function openBeneath(rootFd: number, relative: string, flags: number, mode = 0): Promise<number> {
  const how = Buffer.alloc(OPEN_HOW_BYTES); // struct open_how: flags, mode, resolve
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(mode), 8);
  how.writeBigUInt64LE(BigInt(RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH), 16);
  return openat2(relative, rootFd, relative, how, how.length);
}

async function withFd<T>(fd: number, use: (fd: number) => Promise<T>): Promise<T> {
  try {
    return await use(fd);
  } finally {
    closeSync(fd);
  }
}

export const opening: Pick<Files, 'openPath' | 'makeBeneath'> = {
  async openPath(root, relative) {
    const rootFd = await open(root, O_PATH);
    const fd = relative === '' ? rootFd : await withFd(rootFd, () => openBeneath(rootFd, relative, O_PATH));
    try {
      return await describe(fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  },

  async makeBeneath(root, relative, type, mode) {
    const rootFd = await open(root, O_PATH | O_DIRECTORY);
    return withFd(rootFd, () =>
      type === 'file' ? makeFile(rootFd, relative, mode) : makeFolders(rootFd, relative.split('/'), mode),
    );
  },
};

async function describe(fd: number): Promise<OpenPath> {
  const stat = toFileStat(await fstat(fd));
  const link = `/proc/self/fd/${fd}`;
  const mountId = Number(/^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]);
  let isOpen = true;
  return {
    fd,
    stat,
    mountId,
    path: readlinkSync(link),
    close() {
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
}

async function makeFile(rootFd: number, relative: string, mode: number): Promise<void> {
  try {
    const fd = await openBeneath(rootFd, relative, NEW_FILE_FLAGS, mode);
    await withFd(fd, async () => fchmodSync(fd, mode)); // whatever the umask is
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/** mkdir -p, each folder in the one before, which is held open. */
async function makeFolders(rootFd: number, names: readonly string[], mode: number): Promise<void> {
  let parent = rootFd;
  try {
    for (const name of names) {
      const next = await enter(parent, name, mode);
      if (parent !== rootFd) closeSync(parent);
      parent = next;
    }
  } finally {
    if (parent !== rootFd) closeSync(parent);
  }
}

/** A mode less the umask, as mkdir(1) does it: what stands there a moment later may be another's, and is not changed. */
async function enter(parent: number, name: string, mode: number): Promise<number> {
  try {
    return await openBeneath(parent, name, O_PATH | O_DIRECTORY);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  try {
    await mkdirat(name, parent, name, mode);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error; // another one was faster: what it made is looked at like the rest
  }
  return openBeneath(parent, name, O_PATH | O_DIRECTORY);
}
