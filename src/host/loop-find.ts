import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { describe, isErrno, type LoopDevice, list, statusOf } from './loop-devices.ts';
import { identityOf } from './loop-ioctl.ts';

const MAX_KNOWN_DEVICES = 4096;

/** What the calls of one host share: devices last seen by their file's identity, and one turn per file. */
export interface LoopState {
  readonly known: Map<string, string>; // a hint: asked again at each use
  readonly turns: Map<string, Promise<unknown>>;
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
  const devices = await list();
  const isNamed = (device: LoopDevice) => basename(device.backingFile) === name;
  for (const device of [...devices.filter(isNamed), ...devices.filter((each) => !isNamed(each))]) {
    if (!(await hasFile(device.path, identity))) continue;
    remember(state, identity, device.path);
    return device;
  }
  return undefined;
}

/** A device whose own file's disk is gone cannot say what it has (EIO, ESTALE): not ours, which the caller has just looked at. */
async function hasFile(device: string, identity: string): Promise<boolean> {
  try {
    return (await statusOf(device))?.identity === identity;
  } catch (error) {
    if (isErrno(error, 'EIO', 'ESTALE', 'ENOTCONN')) return false;
    throw error;
  }
}

/** Notes which device has the file. */
export function remember(state: LoopState, identity: string, device: string): void {
  if (state.known.size >= MAX_KNOWN_DEVICES) state.known.clear();
  state.known.set(identity, device);
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
