import { setTimeout as sleep } from 'node:timers/promises';
import { StowageError } from '../errors.ts';
import { isErrno, statusOf } from './loop-devices.ts';
import { findByIdentity, identityAt, inTurn, type LoopState } from './loop-find.ts';
import { clear } from './loop-ioctl.ts';
import type { Mounts } from './mounts.ts';

const DETACH_WAIT_MS = 1000;
const DETACH_POLL_MS = 20;

/** Detaches the file's device and waits until it is gone: Loops.detach. */
export async function detach(mounts: Mounts, state: LoopState, file: string): Promise<void> {
  const identity = await identityAt(file);
  if (identity !== undefined) await inTurn(state, identity, () => detachDevice(mounts, state, identity, file));
}

async function detachDevice(mounts: Mounts, state: LoopState, identity: string, file: string): Promise<void> {
  const device = await findByIdentity(state, identity);
  if (device === undefined) return;
  const { entries } = await mounts.table();
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
