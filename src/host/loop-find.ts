import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { describe, isErrno, type LoopDevice, list, statusOf } from './loop-devices.ts';
import { identityOf } from './loop-ioctl.ts';

const MAX_KNOWN_DEVICES = 4096;

/** What the calls of one host share: devices last seen by their file's identity, and one turn per file. */
export interface LoopState {
  readonly known: Map<string, string>; // a hint: asked again at each use
  readonly turns: Map<string, Promise<unknown>>;
  /** All devices, and those by their file's identity: looked at once for all who ask in the meantime, or many volumes would each ask every device. */
  readonly list: () => Promise<LoopDevice[]>;
  readonly byIdentity: () => Promise<ReadonlyMap<string, LoopDevice>>;
}

export function createLoopState(): LoopState {
  return { known: new Map(), turns: new Map(), list: shareNext(list), byIdentity: shareNext(devicesByIdentity) };
}

/** Does the work for all who ask before it begins, one after another: whoever asks gets what was looked at after that. */
function shareNext<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  return () => {
    next ??= running.then(() => {
      next = undefined;
      const begun = work();
      running = begun.catch(() => undefined); // whoever asked hears of it
      return begun;
    });
    return next;
  };
}

async function devicesByIdentity(): Promise<Map<string, LoopDevice>> {
  const found = new Map<string, LoopDevice>();
  for (const device of await list()) {
    const identity = await identityOfDevice(device.path);
    if (identity !== undefined && !found.has(identity)) found.set(identity, device);
  }
  return found;
}

/** The device that has the file attached: Loops.find. */
export async function find(state: LoopState, file: string): Promise<LoopDevice | undefined> {
  const identity = await identityAt(file);
  return identity === undefined ? undefined : await findByIdentity(state, identity, basename(file));
}

/** The file's identity (identityOf, links followed); undefined where it is missing. */
export async function identityAt(file: string): Promise<string | undefined> {
  try {
    return identityOf(await stat(file, { bigint: true }));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** The device whose file has this identity. `name` is the file's last part. */
export async function findByIdentity(
  state: LoopState,
  identity: string,
  name: string,
): Promise<LoopDevice | undefined> {
  const known = state.known.get(identity);
  if (known !== undefined) {
    if (await hasFile(known, identity)) return await describe(basename(known));
    state.known.delete(identity);
  }
  // The name is only a hint (hard links, bind mounts), which finds most at the first try.
  for (const device of await state.list()) {
    if (basename(device.backingFile) === name && (await hasFile(device.path, identity))) {
      return remember(state, identity, device);
    }
  }
  const device = (await state.byIdentity()).get(identity);
  return device && remember(state, identity, device);
}

async function hasFile(device: string, identity: string): Promise<boolean> {
  return (await identityOfDevice(device)) === identity;
}

/** A device whose own file's disk is gone cannot say what it has (EIO, ESTALE): not ours, which the caller has just looked at. */
async function identityOfDevice(device: string): Promise<string | undefined> {
  try {
    return (await statusOf(device))?.identity;
  } catch (error) {
    if (isErrno(error, 'EIO', 'ESTALE', 'ENOTCONN')) return undefined;
    throw error;
  }
}

/** Notes which device has the file. */
export function remember<D extends Pick<LoopDevice, 'path'>>(state: LoopState, identity: string, device: D): D {
  if (state.known.size >= MAX_KNOWN_DEVICES) state.known.clear();
  state.known.set(identity, device.path);
  return device;
}

/** One attach or detach at a time for each file. */
export async function inTurn<T>(state: LoopState, identity: string, work: () => Promise<T>): Promise<T> {
  const before = state.turns.get(identity);
  const mine = before === undefined ? work() : before.then(work, work);
  state.turns.set(identity, mine);
  try {
    return await mine;
  } finally {
    if (state.turns.get(identity) === mine) state.turns.delete(identity);
  }
}
