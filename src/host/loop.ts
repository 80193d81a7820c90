import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, StowageError } from '../errors.ts';
import { bindCall } from './libc.ts';
import {
  clear,
  configure,
  getFreeNumber,
  getStatus,
  identityOf,
  keepAttached,
  type LoopStatus,
  setCapacity,
  setDeviceReadOnly,
  withOpen,
} from './loop-ioctl.ts';
import type { Mounts } from './mounts.ts';

/** A loop device with a backing file. */
export interface LoopDevice {
  readonly path: string; // /dev/loop7
  readonly number: string; // major:minor
  readonly backingFile: string; // as the kernel shows it
}

export interface LoopOptions {
  readonly blockSizeBytes: number; // logical block size, 512 or 4096
  readonly readOnly: boolean;
}

/** Loop devices (loop(4), LOOP_CONFIGURE). A file's identity is its device and inode, not its path. */
export interface Loops {
  /** The device that has this file attached; undefined where there is none or the file is missing. */
  find(file: string): Promise<LoopDevice | undefined>;
  /** Every attached loop device, from sysfs. */
  list(): Promise<LoopDevice[]>;
  /** Attaches the file with direct I/O (buffered where its file system refuses that), or returns the device that has it already. Takes a free device, also when others race for it. */
  attach(file: string, options: LoopOptions): Promise<LoopDevice>;
  /** Detaches (LOOP_CLR_FD) and makes sure that it is gone: 'busy' StowageError where something still has the device open or mounted. Nothing where it is not attached. */
  detach(file: string): Promise<void>;
  /** Tells the device its file's new size (LOOP_SET_CAPACITY). */
  resize(file: string): Promise<void>;
  /** Makes an attached device (/dev/loop7) read-only or writable (BLKROSET); one attached read-only stays so: EACCES. */
  setReadOnly(device: string, readOnly: boolean): Promise<void>;
  /** True if the device (/dev/loop7) refuses writes, as sysfs says. */
  isReadOnly(device: string): Promise<boolean>;
}

const MAX_ATTACH_TRIES = 64; // a free device may be taken by another before we take it
const MAX_KNOWN_DEVICES = 4096;
const DETACH_WAIT_MS = 1000;
const DETACH_POLL_MS = 20;

const mknod = bindCall('int mknod(const char *path, unsigned int mode, unsigned long device)');

/** What the functions below share: the mount table, devices last seen by their file's identity, and one turn per file. */
interface State {
  readonly mounts: Mounts;
  readonly known: Map<string, string>; // a hint: asked again at each use
  readonly turns: Map<string, Promise<unknown>>;
}

/** Creates the loop devices' side of the host. Only one process at a time may attach files of the same folder. */
export function createLoops(mounts: Mounts): Loops {
  const state: State = { mounts, known: new Map(), turns: new Map() };
  return {
    find: (file) => find(state, file),
    list,
    attach: (file, options) => attach(state, file, options),
    detach: (file) => detach(state, file),
    resize: (file) => resize(state, file),
    setReadOnly: setDeviceReadOnly,
    isReadOnly: async (device) => (await readFile(`/sys/block/${basename(device)}/ro`, 'utf8')).trim() === '1',
  };
}

async function find(state: State, file: string): Promise<LoopDevice | undefined> {
  const identity = await identityAt(file);
  return identity === undefined ? undefined : await findByIdentity(state, identity, basename(file));
}

async function identityAt(file: string): Promise<string | undefined> {
  try {
    return identityOf(await stat(file, { bigint: true }));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

async function findByIdentity(state: State, identity: string, name: string): Promise<LoopDevice | undefined> {
  const known = state.known.get(identity);
  if (known !== undefined) {
    if ((await statusOf(known))?.identity === identity) return await describe(basename(known));
    state.known.delete(identity);
  }
  // The name is only a hint (hard links, bind mounts), which finds most at the first try.
  const devices = await list();
  const isNamed = (device: LoopDevice) => basename(device.backingFile) === name;
  for (const device of [...devices.filter(isNamed), ...devices.filter((each) => !isNamed(each))]) {
    if ((await statusOf(device.path))?.identity !== identity) continue;
    remember(state, identity, device.path);
    return device;
  }
  return undefined;
}

function remember(state: State, identity: string, device: string): void {
  if (state.known.size >= MAX_KNOWN_DEVICES) state.known.clear();
  state.known.set(identity, device);
}

/** Undefined where nothing is attached, or the device is gone. */
async function statusOf(device: string): Promise<LoopStatus | undefined> {
  try {
    await makeNode(device);
    return await getStatus(device);
  } catch (error) {
    if (isErrno(error, 'ENXIO', 'ENOENT', 'ENODEV')) return undefined;
    throw error;
  }
}

async function list(): Promise<LoopDevice[]> {
  const names = (await readdir('/sys/block')).filter((name) => /^loop\d+$/.test(name));
  const devices = await Promise.all(names.map(describe));
  return devices.filter((device) => device !== undefined);
}

/** A device as sysfs shows it; undefined where no file is attached. */
async function describe(name: string): Promise<LoopDevice | undefined> {
  try {
    const [number, backingFile] = await Promise.all([
      readFile(`/sys/block/${name}/dev`, 'utf8'),
      readFile(`/sys/block/${name}/loop/backing_file`, 'utf8'),
    ]);
    return { path: `/dev/${name}`, number: number.trim(), backingFile: backingFile.trimEnd() };
  } catch (error) {
    // ENODEV, ENXIO: detached between the opening and the reading
    if (isErrno(error, 'ENOENT', 'ENODEV', 'ENXIO')) return undefined;
    throw error;
  }
}

async function attach(state: State, file: string, options: LoopOptions): Promise<LoopDevice> {
  const mode = options.readOnly ? constants.O_RDONLY : constants.O_RDWR;
  return await withOpen(file, mode | constants.O_NOFOLLOW | constants.O_NONBLOCK, async (handle) => {
    const found = await handle.stat({ bigint: true });
    if (!found.isFile()) throw new StowageError('precondition', `${file} cannot be attached: it is no regular file`);
    const identity = identityOf(found);
    return await inTurn(state, identity, async () => {
      const name = basename(file);
      return (await reuse(state, identity, name)) ?? (await attachNew(state, identity, file, handle, options));
    });
  });
}

/** The device that has the file already, kept from clearing itself after a detach that found it busy. */
async function reuse(state: State, identity: string, name: string): Promise<LoopDevice | undefined> {
  const device = await findByIdentity(state, identity, name);
  if (device === undefined) return undefined;
  const status = await statusOf(device.path);
  if (status?.identity !== identity) return undefined;
  if (!status.clearsItself) return device;
  try {
    await keepAttached(device.path);
    return device;
  } catch (error) {
    if (isErrno(error, 'ENXIO')) return undefined; // its last user has closed it
    throw error;
  }
}

async function attachNew(
  state: State,
  identity: string,
  file: string,
  handle: FileHandle,
  options: LoopOptions,
): Promise<LoopDevice> {
  for (let tries = 0; tries < MAX_ATTACH_TRIES; tries++) {
    const path = `/dev/loop${await getFreeNumber()}`;
    if (!(await configureFree(path, file, handle, options))) continue;
    const device = await describe(basename(path));
    if (device === undefined) continue; // another has detached it
    remember(state, identity, path);
    return device;
  }
  const found = `${MAX_ATTACH_TRIES} free loop devices were taken by others first`;
  throw new StowageError('busy', `${file} cannot be attached: ${found}; call again`);
}

/** False where the device was taken, or removed, since it was free. */
async function configureFree(path: string, file: string, handle: FileHandle, options: LoopOptions): Promise<boolean> {
  try {
    await makeNode(path);
    await configureBestIo(path, file, handle, options);
    return true;
  } catch (error) {
    if (isErrno(error, 'EBUSY', 'ENOENT', 'ENXIO', 'ENODEV')) return false;
    throw error;
  }
}

/** With direct I/O, or buffered where the file's file system refuses that (newer kernels fall back by themselves). */
async function configureBestIo(path: string, file: string, handle: FileHandle, options: LoopOptions): Promise<void> {
  try {
    await configure(path, handle.fd, file, { ...options, directIo: true });
  } catch (error) {
    if (!isErrno(error, 'EINVAL')) throw error;
    await configure(path, handle.fd, file, { ...options, directIo: false });
  }
}

/** A container's own /dev may lack the nodes of devices that were made since it started: mknod(2). */
async function makeNode(path: string): Promise<void> {
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

async function detach(state: State, file: string): Promise<void> {
  const identity = await identityAt(file);
  if (identity !== undefined) await inTurn(state, identity, () => detachDevice(state, identity, file));
}

async function detachDevice(state: State, identity: string, file: string): Promise<void> {
  const device = await findByIdentity(state, identity, basename(file));
  if (device === undefined) return;
  const { entries } = await state.mounts.table();
  // A btrfs has a device number of its own, but names its device as source.
  const mount = entries.find((entry) => entry.device === device.number || entry.source === device.path);
  if (mount !== undefined) {
    throw new StowageError('busy', `${device.path} of ${file} is mounted on ${mount.mountPoint}: unmount it first`);
  }
  try {
    await clear(device.path);
  } catch (error) {
    if (!isErrno(error, 'ENXIO')) throw error; // ENXIO: detached by another
  }
  await untilDetached(device.path, identity, file);
  state.known.delete(identity);
}

async function untilDetached(device: string, identity: string, file: string): Promise<void> {
  const deadline = performance.now() + DETACH_WAIT_MS;
  while ((await statusOf(device))?.identity === identity) {
    if (performance.now() >= deadline) {
      throw new StowageError('busy', `${device} of ${file} is still open in a process: it is detached when that ends`);
    }
    await sleep(DETACH_POLL_MS);
  }
}

async function resize(state: State, file: string): Promise<void> {
  const device = await find(state, file);
  if (device === undefined) throw new StowageError('precondition', `${file} cannot be resized: it is not attached`);
  await setCapacity(device.path);
}

/** One attach or detach at a time for each file. */
async function inTurn<T>(state: State, identity: string, work: () => Promise<T>): Promise<T> {
  const before = state.turns.get(identity);
  const mine = before === undefined ? work() : before.then(work, work);
  state.turns.set(identity, mine);
  try {
    return await mine;
  } finally {
    if (state.turns.get(identity) === mine) state.turns.delete(identity);
  }
}

function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(errnoOf(error) ?? '');
}
