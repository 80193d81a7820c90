import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { errnoOf, StowageError } from '../errors.ts';
import { withOpen } from './files/fd.ts';

/** What the kernel says of a disk or partition now. */
export interface Disk {
  readonly path: string; // /dev/sdb: the kernel's name, which another disk may have after a restart
  readonly number: string; // major:minor
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly hardwareId: string; // world-wide name or serial number, a loop device's file; '' where the kernel knows none
  readonly partitions: readonly string[]; // of a whole disk
  readonly holders: readonly string[]; // devices made of it (md, dm)
  readonly state: string | undefined; // of SCSI and NVMe disks: running, live, offline
  readonly errorCount: number; // commands that failed since the machine or the disk started (SCSI; 0 for others)
  readonly canDiscard: boolean;
}

/** Whole disks and partitions (sysfs, open(2)). */
export interface Disks {
  /** The disk that a path leads to, links followed; undefined where there is none. 'precondition' where it is another thing than a block device. */
  find(path: string): Promise<Disk | undefined>;
  /** True if the kernel or a program holds the device for itself: mounted, part of another device, or opened with O_EXCL (open(2)). */
  isHeld(path: string): Promise<boolean>;
}

/** Of sysfs's `size`, whatever the device's are. */
export const SECTOR_BYTES = 512;
const MAX_ID_CHARS = 128;

/** Where drivers show what tells one disk from another, most telling first: NVMe, SCSI, virtio, MMC, device mapper, loop. */
const ID_FILES = [
  'wwid',
  'device/wwid',
  'serial',
  'device/serial',
  'device/cid',
  'dm/uuid',
  'md/uuid',
  'loop/backing_file',
];

export function createDisks(): Disks {
  return { find, isHeld };
}

async function find(path: string): Promise<Disk | undefined> {
  const real = await unlessMissing(realpath(path));
  const node = real === undefined ? undefined : await unlessMissing(stat(real));
  if (real === undefined || node === undefined) return undefined;
  if (!node.isBlockDevice()) {
    throw new StowageError('precondition', `${path} leads to ${real}, which is no block device: name a disk`);
  }
  const number = deviceNumber(node.rdev);
  const own = `/sys/dev/block/${number}`;
  const size = await read(`${own}/size`);
  if (size === undefined) return undefined; // a node without a device
  const partition = await read(`${own}/partition`);
  const whole = partition === undefined ? own : `${own}/..`; // the partition's disk
  const [readOnly, entries, holders, state, errors, discard, diskId] = await Promise.all([
    read(`${own}/ro`),
    unlessMissing(readdir(own)),
    unlessMissing(readdir(`${own}/holders`)),
    read(`${whole}/device/state`),
    read(`${whole}/device/ioerr_cnt`),
    read(`${whole}/queue/discard_max_bytes`),
    hardwareIdOf(whole),
  ]);
  return {
    path: real,
    number,
    sizeBytes: Number(size) * SECTOR_BYTES,
    readOnly: readOnly === '1',
    hardwareId: partition === undefined || diskId === '' ? diskId : `${diskId}-part${partition}`,
    partitions: (entries ?? []).filter((name) => name.startsWith(basename(real)) && /\d$/.test(name)),
    holders: holders ?? [],
    state,
    errorCount: Number(errors ?? 0),
    canDiscard: Number(discard ?? 0) > 0,
  };
}

async function isHeld(path: string): Promise<boolean> {
  try {
    await withOpen(path, constants.O_RDONLY | constants.O_EXCL | constants.O_NONBLOCK, async () => undefined);
    return false;
  } catch (error) {
    if (errnoOf(error) === 'EBUSY') return true;
    throw error;
  }
}

async function hardwareIdOf(folder: string): Promise<string> {
  for (const file of ID_FILES) {
    const id = await read(`${folder}/${file}`);
    if (id === undefined || id === '') continue;
    return id.length <= MAX_ID_CHARS ? id : `sha256-${createHash('sha256').update(id).digest('hex')}`;
  }
  return '';
}

/** A file of sysfs, trimmed; undefined where it is missing or its driver does not answer. */
async function read(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'latin1')).replaceAll('\0', '').trim();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EINVAL', 'ENODEV', 'ENXIO', 'EIO', 'EACCES'].includes(errnoOf(error) ?? ''))
      return undefined;
    throw error;
  }
}

async function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** dev_t as the C library packs it (makedev(3)) -> major:minor. */
export function deviceNumber(rdev: number): string {
  const low = rdev % 2 ** 32;
  return `${(low >>> 8) & 0xfff}:${(low & 0xff) | ((low >>> 12) & 0xfff00)}`;
}
