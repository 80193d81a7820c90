import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { StowageError } from '../errors.ts';
import { describe, isErrno, type LoopDevice, makeNode, statusOf } from './loop-devices.ts';
import { findByIdentity, identityOfDevice, inTurn, type LoopState } from './loop-find.ts';
import { configure, getFreeNumber, identityOf, keepAttached, setDeviceReadOnly, withOpen } from './loop-ioctl.ts';

export interface LoopOptions {
  readonly blockSizeBytes: number; // logical block size, 512 or 4096
  readonly readOnly: boolean;
}

const MAX_ATTACH_TRIES = 64; // a free device may be taken by another before we take it

/** Attaches the file, or returns the device that has it already: Loops.attach. The last part of the path may not be a link. */
export async function attach(state: LoopState, file: string, options: LoopOptions): Promise<LoopDevice> {
  const mode = options.readOnly ? constants.O_RDONLY : constants.O_RDWR;
  return await withOpen(file, mode | constants.O_NOFOLLOW | constants.O_NONBLOCK, async (handle) => {
    const found = await handle.stat({ bigint: true });
    if (!found.isFile()) throw new StowageError('precondition', `${file} cannot be attached: it is no regular file`);
    const identity = identityOf(found);
    return await inTurn(state, identity, async () => {
      return (await reuse(state, identity)) ?? (await attachNew(state, file, handle, options));
    });
  });
}

/** The device that has the file already, kept from clearing itself after a detach that found it busy. */
async function reuse(state: LoopState, identity: string): Promise<LoopDevice | undefined> {
  const device = await findByIdentity(state, identity);
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
  state: LoopState,
  file: string,
  handle: FileHandle,
  options: LoopOptions,
): Promise<LoopDevice> {
  for (let tries = 0; tries < MAX_ATTACH_TRIES; tries++) {
    const path = `/dev/loop${await getFreeNumber()}`;
    if (!(await configureFree(path, file, handle, options))) continue;
    const name = basename(path);
    await identityOfDevice(state.asked, name); // or the next call would look at all devices
    const device = describe(name);
    if (device !== undefined) return device; // else another has detached it
  }
  const found = `${MAX_ATTACH_TRIES} free loop devices were taken by others first`;
  throw new StowageError('busy', `${file} cannot be attached: ${found}; call again`);
}

/** False where the device was taken, or removed, since it was free. */
async function configureFree(path: string, file: string, handle: FileHandle, options: LoopOptions): Promise<boolean> {
  try {
    await makeNode(path);
    await configureBestIo(path, file, handle, options);
    // BLKROSET outlives the file that it was set for: without this, a file system would be mounted read-only, without a word.
    if (!options.readOnly) await setDeviceReadOnly(path, false);
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
