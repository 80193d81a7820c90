import { constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { errnoOf } from '../errors.ts';
import { bindCall } from './libc.ts';
import { getStatus, type LoopStatus } from './loop-ioctl.ts';

/** A loop device with a backing file. */
export interface LoopDevice {
  readonly path: string; // /dev/loop7
  readonly number: string; // major:minor
  readonly backingFile: string; // as the kernel shows it
}

const mknod = bindCall('int mknod(const char *path, unsigned int mode, unsigned long device)');

// sysfs is read in-process: it is the kernel's memory, and the way to a thread and back takes longer.

/** Every attached loop device, from sysfs. */
export async function list(): Promise<LoopDevice[]> {
  return attachedNames().flatMap((name) => describe(name) ?? []);
}

/** The names (loop7) of attached devices. */
export function attachedNames(): string[] {
  return readdirSync('/sys/block').filter((name) => /^loop\d+$/.test(name) && existsSync(`/sys/block/${name}/loop`));
}

/** A device as sysfs shows it; undefined where no file is attached. */
export function describe(name: string): LoopDevice | undefined {
  const backingFile = readAttribute(name, 'loop/backing_file');
  const number = readAttribute(name, 'dev');
  if (backingFile === undefined || number === undefined) return undefined;
  return { path: `/dev/${name}`, number, backingFile };
}

/**
 * The number that the kernel counts up whenever a file is attached to a device, changed or detached (diskseq: Documentation/ABI/stable/sysfs-block); undefined before Linux 5.15,
 * and where the device is gone.
 */
export function sequenceOf(name: string): string | undefined {
  return readAttribute(name, 'diskseq');
}

/** Without the final newline; undefined where it is not there (ENODEV, ENXIO: detached between the opening and the reading). */
function readAttribute(name: string, attribute: string): string | undefined {
  try {
    return readFileSync(`/sys/block/${name}/${attribute}`, 'utf8').trimEnd();
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENODEV', 'ENXIO')) return undefined;
    throw error;
  }
}

/** What the kernel says of a device (/dev/loop7): undefined where nothing is attached, or the device is gone. */
export async function statusOf(device: string): Promise<LoopStatus | undefined> {
  try {
    await makeNode(device);
    return await getStatus(device);
  } catch (error) {
    if (isErrno(error, 'ENXIO', 'ENOENT', 'ENODEV')) return undefined;
    throw error;
  }
}

/** A container's own /dev may lack the nodes of devices that were made since it started: mknod(2). */
export async function makeNode(path: string): Promise<void> {
  try {
    await stat(path);
    return;
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
  const [major = 0, minor = 0] = (await readFile(`/sys/block/${basename(path)}/dev`, 'utf8'))
    .trim()
    .split(':')
    .map(Number);
  try {
    mknod(path, path, constants.S_IFBLK | 0o600, makeDevice(major, minor));
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}

/** makedev(3), for a major below 4096. */
function makeDevice(major: number, minor: number): number {
  return ((minor & ~0xff) << 12) | (major << 8) | (minor & 0xff);
}

/** True if this is a system error of one of these codes. */
export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(errnoOf(error) ?? '');
}
