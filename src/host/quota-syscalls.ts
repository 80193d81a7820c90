import { errnoOf } from '../errors.ts';
import { bindAsyncCall, bindAsyncSyscall, bindCall } from './libc.ts';

/** ioctl(2) and quotactl_fd(2), in threads: those that write wait where the file system is frozen. */
const ioctl = bindAsyncCall('int ioctl(int fd, unsigned long request, void *arg)');
/** For reading what is in memory already. */
const ioctlNow = bindCall('int ioctl(int fd, unsigned long request, void *arg)');
const quotactlFd = bindAsyncSyscall(
  'quotactl_fd',
  443,
  'unsigned int fd, unsigned int cmd, unsigned int id, void *addr',
);

const PRJQUOTA = 2;
const Q_GETQUOTA = 0x800007;
const Q_SETQUOTA = 0x800008;
const Q_GETNEXTQUOTA = 0x800009;
const Q_XGETQSTATV = 0x5808; // ('X' << 8) + 8
const QIF_LIMITS = 1 | 4; // bytes and inodes
const LAST_PROJECT_ID = 0xffffffff;
const BLOCK_BYTES = 1024; // QIF_DQBLKSIZE: limits count in these

const FS_IOC_FSGETXATTR = 0x801c581f;
const FS_IOC_FSSETXATTR = 0x401c5820;
const FS_XFLAG_PROJINHERIT = 0x200;
const ATTRIBUTES_BYTES = 28;

/** struct if_dqblk of quotactl(2), with limits in bytes. 0 as limit means none. */
export interface DiskQuota {
  readonly hardLimitBytes: number;
  readonly usedBytes: number;
  readonly hardLimitInodes: number;
  readonly usedInodes: number;
}

/** Q_GETQUOTA. ENOENT where the project has no entry, ESRCH where project quotas are off, ENOSYS where there are none at all. */
export async function getQuota(fd: number, path: string, projectId: number): Promise<DiskQuota> {
  const block = Buffer.alloc(72);
  await quotactlFd(path, fd, command(Q_GETQUOTA), projectId, block);
  return readQuota(block);
}

/**
 * Q_GETNEXTQUOTA (Linux 4.6), from id 0 on: every project that has a limit or uses anything. Errors as getQuota, but for ENOENT.
 * @returns undefined where there are more than `maxProjects`
 */
export async function getAllQuotas(
  fd: number,
  path: string,
  maxProjects: number,
): Promise<Map<number, DiskQuota> | undefined> {
  const found = new Map<number, DiskQuota>();
  const block = Buffer.alloc(72); // struct if_nextdqblk
  for (let next = 0; next <= LAST_PROJECT_ID; ) {
    try {
      await quotactlFd(path, fd, command(Q_GETNEXTQUOTA), next, block);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return found;
      throw error;
    }
    const projectId = block.readUInt32LE(68);
    if (projectId < next) return found; // no file system answers so; the loop ends whatever it says
    if (found.size >= maxProjects) return undefined;
    found.set(projectId, readQuota(block));
    next = projectId + 1;
  }
  return found;
}

function readQuota(block: Buffer): DiskQuota {
  const field = (index: number) => Number(block.readBigUInt64LE(index * 8));
  return {
    hardLimitBytes: field(0) * BLOCK_BYTES,
    usedBytes: field(2),
    hardLimitInodes: field(3),
    usedInodes: field(5),
  };
}

/** Q_SETQUOTA of the hard limits, with no soft ones; bytes are rounded up to whole KiB, and by XFS to its blocks. */
export async function setQuota(
  fd: number,
  path: string,
  projectId: number,
  limits: { readonly limitBytes: number; readonly limitInodes: number },
): Promise<void> {
  const block = Buffer.alloc(72);
  block.writeBigUInt64LE(BigInt(Math.ceil(limits.limitBytes / BLOCK_BYTES)), 0);
  block.writeBigUInt64LE(BigInt(limits.limitInodes), 3 * 8);
  block.writeUInt32LE(QIF_LIMITS, 8 * 8);
  await quotactlFd(path, fd, command(Q_SETQUOTA), projectId, block);
}

/** The flags of Q_XGETQSTATV (struct fs_quota_statv), which ext4 answers too. */
export async function getQuotaFlags(fd: number, path: string): Promise<number> {
  const status = Buffer.alloc(256);
  status.writeInt8(1, 0); // FS_QSTATV_VERSION1
  await quotactlFd(path, fd, command(Q_XGETQSTATV), 0, status);
  return status.readUInt16LE(2);
}

/** The project id of what is open: ioctl_fsgetxattr(2). */
export async function getProjectId(fd: number, path: string): Promise<number> {
  return (await getAttributes(fd, path)).readUInt32LE(12);
}

/** The project id of what is open and whether new entries inherit it, at once: for a file whose inode is in memory, since it is open. */
export function readProject(fd: number, path: string): { readonly projectId: number; readonly inherits: boolean } {
  const attributes = Buffer.alloc(ATTRIBUTES_BYTES);
  ioctlNow(path, fd, FS_IOC_FSGETXATTR, attributes);
  return {
    projectId: attributes.readUInt32LE(12),
    inherits: (attributes.readUInt32LE(0) & FS_XFLAG_PROJINHERIT) !== 0,
  };
}

/** Sets a file's project id; of a folder use setProjectId. */
export async function setFileProjectId(fd: number, path: string, projectId: number): Promise<void> {
  const attributes = await getAttributes(fd, path);
  attributes.writeUInt32LE(projectId, 12);
  await ioctl(path, fd, FS_IOC_FSSETXATTR, attributes);
}

/** Sets a folder's project id, and that new entries inherit it. */
export async function setProjectId(fd: number, path: string, projectId: number): Promise<void> {
  const attributes = await getAttributes(fd, path);
  attributes.writeUInt32LE((attributes.readUInt32LE(0) | FS_XFLAG_PROJINHERIT) >>> 0, 0);
  attributes.writeUInt32LE(projectId, 12);
  await ioctl(path, fd, FS_IOC_FSSETXATTR, attributes);
}

/** struct fsxattr: flags, extent size, extents, project id, CoW extent size, padding. */
async function getAttributes(fd: number, path: string): Promise<Buffer> {
  const attributes = Buffer.alloc(ATTRIBUTES_BYTES);
  await ioctl(path, fd, FS_IOC_FSGETXATTR, attributes);
  return attributes;
}

function command(subcommand: number): number {
  return ((subcommand << 8) | PRJQUOTA) >>> 0;
}
