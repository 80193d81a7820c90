import { errnoOf } from '../errors.ts';
import { ioctl, reads, writes, writesAndReads } from './btrfs-ioctl.ts';
import { searchTree } from './btrfs-search.ts';

const QUOTA_CTL = writesAndReads(40, 16);
const QGROUP_ASSIGN = writes(41, 24);
const QGROUP_CREATE = writes(42, 16);
const QGROUP_LIMIT = reads(43, 48);
const QUOTA_RESCAN = writes(44, 64);
const QUOTA_RESCAN_STATUS = reads(45, 64);

const ENABLE = 1n;
const ENABLE_SIMPLE = 4n; // Linux 6.7

/** linux/btrfs_tree.h: the quota tree and its items. */
const QUOTA_TREE = 8n;
const STATUS_KEY = 240;
const INFO_KEY = 242;
const LIMIT_KEY = 244;
const RELATION_KEY = 246;
const STATUS_ON = 1n;
const STATUS_INCONSISTENT = 4n;
const STATUS_SIMPLE = 8n;
const LIMIT_MAX_RFER = 1n;
const NO_LIMIT = (1n << 64n) - 1n; // CLEAR_VALUE

/** Ids of level 2 and more are none of ours, and past what a number holds exactly. */
const LEVEL_2 = 2n << 48n;

/** What the quota tree says of a file system. */
export interface QuotaStatus {
  /** `simple`: what is written is counted to the subvolume that wrote it; `full`: also what is shared is counted, by looking for who shares it. */
  readonly mode: 'off' | 'simple' | 'full';
  readonly rescanning: boolean;
  readonly inconsistent: boolean; // full mode: what is counted is wrong until a rescan
}

export interface Qgroup {
  readonly id: number; // level << 48 | number
  readonly referencedBytes: number;
  readonly exclusiveBytes: number;
  readonly limitBytes: number | undefined; // on what is referenced
}

export interface Qgroups {
  readonly status: QuotaStatus;
  readonly byId: ReadonlyMap<number, Qgroup>; // of levels 0 and 1
}

const OFF: Qgroups = { status: { mode: 'off', rescanning: false, inconsistent: false }, byId: new Map() };

/** Status and all qgroups of levels 0 and 1, or (with `id`) of that one; usage is of the last transaction written. */
export async function readQgroups(fd: number, path: string, id?: number): Promise<Qgroups> {
  const first = BigInt(id ?? 0);
  const last = id === undefined ? LEVEL_2 - 1n : first;
  try {
    const [status] = await searchTree(fd, path, QUOTA_TREE, key(STATUS_KEY, 0n), key(STATUS_KEY, 0n));
    if (status === undefined) return OFF;
    const infos = await searchTree(fd, path, QUOTA_TREE, key(INFO_KEY, first), key(INFO_KEY, last));
    const limits = await searchTree(fd, path, QUOTA_TREE, key(LIMIT_KEY, first), key(LIMIT_KEY, last));
    const limitOf = new Map(limits.map(({ offset, data }) => [offset, parseLimit(data)]));
    const byId = infos.map(({ offset, data }) => {
      const [referencedBytes, exclusiveBytes] = [Number(data.readBigUInt64LE(8)), Number(data.readBigUInt64LE(24))];
      return { id: Number(offset), referencedBytes, exclusiveBytes, limitBytes: limitOf.get(offset) };
    });
    return { status: await parseStatus(fd, path, status.data), byId: new Map(byId.map((group) => [group.id, group])) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return OFF;
    throw error;
  }
}

/** The qgroups of which this one is a member, or which are members of it: the tree holds both, and only their levels tell. */
export async function readRelations(fd: number, path: string, id: number): Promise<number[]> {
  try {
    const from = { objectId: BigInt(id), type: RELATION_KEY, offset: 0n };
    const found = await searchTree(fd, path, QUOTA_TREE, from, { ...from, offset: LEVEL_2 - 1n });
    return found.map(({ offset }) => Number(offset));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Turns quotas on, simple ones where the kernel knows them. */
export async function enableQuotas(fd: number, path: string): Promise<void> {
  try {
    await ioctl(path, fd, QUOTA_CTL, numbers(ENABLE_SIMPLE, 0n));
  } catch (error) {
    if (errnoOf(error) !== 'EINVAL') throw error;
    await ioctl(path, fd, QUOTA_CTL, numbers(ENABLE, 0n));
  }
}

/** EEXIST where there is one. */
export async function createQgroup(fd: number, path: string, id: number): Promise<void> {
  await ioctl(path, fd, QGROUP_CREATE, numbers(1n, BigInt(id)));
}

/** EBUSY while something is counted to it, ENOENT where there is none. */
export async function removeQgroup(fd: number, path: string, id: number): Promise<void> {
  await ioctl(path, fd, QGROUP_CREATE, numbers(0n, BigInt(id)));
}

/** `limitBytes` undefined takes the limit away. */
export async function limitQgroup(fd: number, path: string, id: number, limitBytes: number | undefined): Promise<void> {
  const limit = limitBytes === undefined ? NO_LIMIT : BigInt(limitBytes);
  await ioctl(path, fd, QGROUP_LIMIT, numbers(BigInt(id), LIMIT_MAX_RFER, limit, 0n, 0n, 0n));
}

/** Makes (or ends) a membership; EEXIST where it is there. In full mode it may leave the file system inconsistent: see startRescan. */
export async function assignQgroup(fd: number, path: string, member: number, parent: number, assign = true) {
  await ioctl(path, fd, QGROUP_ASSIGN, numbers(assign ? 1n : 0n, BigInt(member), BigInt(parent)));
}

/** Full mode: counts anew, in the background; nothing where that is under way. */
export async function startRescan(fd: number, path: string): Promise<void> {
  try {
    await ioctl(path, fd, QUOTA_RESCAN, Buffer.alloc(64));
  } catch (error) {
    if (errnoOf(error) !== 'EINPROGRESS') throw error;
  }
}

/** Whether it counts anew is asked for: the tree shows that only after the next transaction. */
async function parseStatus(fd: number, path: string, data: Buffer): Promise<QuotaStatus> {
  const flags = data.readBigUInt64LE(16);
  const has = (flag: bigint) => (flags & flag) !== 0n;
  if (!has(STATUS_ON)) return OFF.status;
  if (has(STATUS_SIMPLE)) return { mode: 'simple', rescanning: false, inconsistent: false };
  const progress = Buffer.alloc(64);
  await ioctl(path, fd, QUOTA_RESCAN_STATUS, progress);
  return { mode: 'full', rescanning: progress.readBigUInt64LE() !== 0n, inconsistent: has(STATUS_INCONSISTENT) };
}

function parseLimit(data: Buffer): number | undefined {
  const isSet = (data.readBigUInt64LE(0) & LIMIT_MAX_RFER) !== 0n;
  return isSet ? Number(data.readBigUInt64LE(8)) : undefined;
}

function key(type: number, offset: bigint) {
  return { objectId: 0n, type, offset };
}

function numbers(...values: bigint[]): Buffer {
  const buffer = Buffer.alloc(8 * values.length);
  values.forEach((value, index) => {
    buffer.writeBigUInt64LE(value, 8 * index);
  });
  return buffer;
}
