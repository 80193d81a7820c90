import { addressOf, bindAsyncCall } from './libc.ts';

/** Requests of linux/btrfs.h. All are called in threads: those that change something may wait for a transaction to be written. */
const SNAP_CREATE_V2 = writes(23, 4096);
const SUBVOL_CREATE_V2 = writes(24, 4096);
const SUBVOL_GETFLAGS = reads(25, 8);
const SUBVOL_SETFLAGS = writes(26, 8);
const WAIT_SYNC = writes(22, 8);
const START_SYNC = reads(24, 8);
const FS_INFO = reads(31, 1024);
const GET_DEV_STATS = writesAndReads(52, 1032);
const GET_SUBVOL_INFO = reads(60, 504);
const SNAP_DESTROY_V2 = writes(63, 4096);

/** struct btrfs_ioctl_vol_args_v2: s64 fd, u64 transid, u64 flags, then the size and address of what is inherited, then a name or an id. */
const VOLUME_ARGS_BYTES = 4096;
const FLAGS_OFFSET = 16;
const INHERIT_OFFSET = 24;
const NAME_OFFSET = 56;
const MAX_NAME_BYTES = 255;

/** struct btrfs_qgroup_inherit: flags, three counts, struct btrfs_qgroup_limit, then ids. */
const INHERIT_HEAD_BYTES = 72;
const INHERIT_COUNT_OFFSET = 8;

const SUBVOL_RDONLY = 1n << 1n;
const SUBVOL_QGROUP_INHERIT = 1n << 2n;
const SUBVOL_SPEC_BY_ID = 1n << 4n;

const FILEID_BTRFS_WITHOUT_PARENT = 0x4d;
const FIRST_FREE_OBJECTID = 256n;
const FID_BYTES = 20;

const DEV_STATS_VALUES = 5; // write, read, flush, corruption, generation

export const ioctl = bindAsyncCall('int ioctl(int fd, unsigned long request, void *arg)');
const openByHandleAt = bindAsyncCall('int open_by_handle_at(int mount_fd, void *handle, int flags)');

/** What GET_SUBVOL_INFO says. */
export interface SubvolumeInfo {
  readonly id: number;
  readonly readOnly: boolean;
  readonly createdInTransaction: number;
  /** It was made as a snapshot of another subvolume. */
  readonly isCopy: boolean;
}

/** _IOR(), _IOW(), _IOWR() of linux/ioctl.h for btrfs's magic number. */
export function reads(number: number, bytes: number): number {
  return (0x80009400 | (bytes << 16) | number) >>> 0;
}
export function writes(number: number, bytes: number): number {
  return (0x40009400 | (bytes << 16) | number) >>> 0;
}
export function writesAndReads(number: number, bytes: number): number {
  return (0xc0009400 | (bytes << 16) | number) >>> 0;
}

/** Makes a subvolume in the folder that `fd` is, a member of these qgroups from its first byte. */
export async function createSubvolume(fd: number, path: string, name: string, qgroupIds: readonly number[]) {
  await ioctl(path, fd, SUBVOL_CREATE_V2, volumeArgs(name, qgroupIds));
}

/** The same as a writable copy of the subvolume whose root `sourceFd` is. */
export async function createSnapshot(
  fd: number,
  path: string,
  name: string,
  sourceFd: number,
  qgroupIds: readonly number[],
) {
  const args = volumeArgs(name, qgroupIds);
  args.writeBigInt64LE(BigInt(sourceFd), 0);
  await ioctl(path, fd, SNAP_CREATE_V2, args);
}

/** Destroys the subvolume of that id, which must have none within; its blocks are freed in the background. `fd` is anywhere on its file system. */
export async function destroySubvolume(fd: number, path: string, id: number): Promise<void> {
  const args = Buffer.alloc(VOLUME_ARGS_BYTES);
  args.writeBigUInt64LE(SUBVOL_SPEC_BY_ID, FLAGS_OFFSET);
  args.writeBigUInt64LE(BigInt(id), NAME_OFFSET);
  await ioctl(path, fd, SNAP_DESTROY_V2, args);
}

/** Of the subvolume that `fd` lies in. */
export async function subvolumeInfo(fd: number, path: string): Promise<SubvolumeInfo> {
  const info = Buffer.alloc(504);
  await ioctl(path, fd, GET_SUBVOL_INFO, info);
  return {
    id: Number(info.readBigUInt64LE(0)),
    readOnly: (info.readBigUInt64LE(288) & 1n) !== 0n, // BTRFS_ROOT_SUBVOL_RDONLY
    createdInTransaction: Number(info.readBigUInt64LE(352)),
    isCopy: info.subarray(312, 328).some((byte) => byte !== 0),
  };
}

/** Takes the read-only flag off the subvolume whose root `fd` is. */
export async function makeWritable(fd: number, path: string): Promise<void> {
  const flags = Buffer.alloc(8);
  await ioctl(path, fd, SUBVOL_GETFLAGS, flags);
  const now = flags.readBigUInt64LE();
  if ((now & SUBVOL_RDONLY) === 0n) return;
  flags.writeBigUInt64LE(now & ~SUBVOL_RDONLY);
  await ioctl(path, fd, SUBVOL_SETFLAGS, flags);
}

/** Writes the running transaction to the disk: what qgroups count is of the last one written. */
export async function commit(fd: number, path: string): Promise<void> {
  await ioctl(path, fd, WAIT_SYNC, await startCommit(fd, path));
}

/** Begins to write the running transaction, and does not wait for its end. @returns the transaction */
export async function startCommit(fd: number, path: string): Promise<Buffer> {
  const transaction = Buffer.alloc(8);
  await ioctl(path, fd, START_SYNC, transaction);
  return transaction;
}

/** The largest id that a device of the file system has, and its UUID. */
export async function fileSystemInfo(fd: number, path: string): Promise<{ largestDeviceId: number; uuid: string }> {
  const info = Buffer.alloc(1024);
  await ioctl(path, fd, FS_INFO, info);
  const uuid = info.toString('hex', 16, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return { largestDeviceId: Number(info.readBigUInt64LE(0)), uuid };
}

/** How many errors were counted on a device, of all kinds; ENODEV where no device has that id. */
export async function deviceErrorCount(fd: number, path: string, deviceId: number): Promise<number> {
  const stats = Buffer.alloc(1032);
  stats.writeBigUInt64LE(BigInt(deviceId), 0);
  stats.writeBigUInt64LE(BigInt(DEV_STATS_VALUES), 8);
  await ioctl(path, fd, GET_DEV_STATS, stats);
  const values = Array.from({ length: DEV_STATS_VALUES }, (_, index) => stats.readBigUInt64LE(24 + 8 * index));
  return Number(values.reduce((sum, value) => sum + value, 0n));
}

/**
 * Opens the root of a subvolume by its id (open_by_handle_at(2)), wherever it lies and whatever its path is. ESTALE where there is none.
 * @param generation the root inode's; from Linux 6.2 on 0 would be any
 */
export function openSubvolume(fd: number, path: string, id: number, generation: number, flags: number) {
  const handle = Buffer.alloc(8 + FID_BYTES);
  handle.writeUInt32LE(FID_BYTES, 0);
  handle.writeInt32LE(FILEID_BTRFS_WITHOUT_PARENT, 4);
  handle.writeBigUInt64LE(FIRST_FREE_OBJECTID, 8);
  handle.writeBigUInt64LE(BigInt(id), 16);
  handle.writeUInt32LE(generation, 24);
  return openByHandleAt(path, fd, handle, flags);
}

/** What is inherited lies behind the arguments in one buffer, so that its address stays valid during the call. */
function volumeArgs(name: string, qgroupIds: readonly number[]): Buffer {
  const inheritBytes = INHERIT_HEAD_BYTES + 8 * qgroupIds.length;
  const args = Buffer.alloc(VOLUME_ARGS_BYTES + inheritBytes);
  args.write(name.slice(0, MAX_NAME_BYTES), NAME_OFFSET);
  if (qgroupIds.length === 0) return args;
  args.writeBigUInt64LE(SUBVOL_QGROUP_INHERIT, FLAGS_OFFSET);
  args.writeBigUInt64LE(BigInt(inheritBytes), INHERIT_OFFSET);
  args.writeBigUInt64LE(addressOf(args) + BigInt(VOLUME_ARGS_BYTES), INHERIT_OFFSET + 8);
  args.writeBigUInt64LE(BigInt(qgroupIds.length), VOLUME_ARGS_BYTES + INHERIT_COUNT_OFFSET);
  qgroupIds.forEach((id, index) => {
    args.writeBigUInt64LE(BigInt(id), VOLUME_ARGS_BYTES + INHERIT_HEAD_BYTES + 8 * index);
  });
  return args;
}
