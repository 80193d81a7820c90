import { stat } from 'node:fs/promises';
import { attachedNames, describe, isErrno, type LoopDevice, sequenceOf, statusOf } from './loop-devices.ts';
import { identityOf } from './loop-ioctl.ts';

/** What a device was asked, which holds as long as the kernel has the same number for what is attached to it: sequenceOf. */
interface Asked {
  readonly sequence: string;
  readonly identity: string; // of its file
}

/** What the calls of one host share: what devices were asked, and one turn per file. */
export interface LoopState {
  readonly asked: Map<string, Asked>; // by the device's name: as many as the kernel has
  readonly turns: Map<string, Promise<unknown>>;
  /** The names of attached devices by their file's identity: looked at once for all who ask in the meantime, or many volumes would each look at every device. */
  readonly namesByIdentity: () => Promise<ReadonlyMap<string, string>>;
}

export function createLoopState(): LoopState {
  const asked = new Map<string, Asked>();
  return { asked, turns: new Map(), namesByIdentity: shareNext(() => namesByIdentity(asked)) };
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

async function namesByIdentity(asked: Map<string, Asked>): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of attachedNames()) {
    const identity = await identityOfDevice(asked, name);
    if (identity !== undefined && !found.has(identity)) found.set(identity, name);
  }
  return found;
}

/**
 * The identity of the device's file, asked anew only where something was attached since. A device whose own file's disk is gone cannot say what it has (EIO, ESTALE): not ours,
 * which the caller has just looked at.
 */
export async function identityOfDevice(asked: Map<string, Asked>, name: string): Promise<string | undefined> {
  const sequence = sequenceOf(name); // before it is asked: what is attached in between is asked again
  const last = asked.get(name);
  if (sequence !== undefined && last?.sequence === sequence) return last.identity;
  asked.delete(name);
  try {
    const identity = (await statusOf(`/dev/${name}`))?.identity;
    if (sequence !== undefined && identity !== undefined) asked.set(name, { sequence, identity });
    return identity;
  } catch (error) {
    if (isErrno(error, 'EIO', 'ESTALE', 'ENOTCONN')) return undefined;
    throw error;
  }
}

/** The device that has the file attached: Loops.find. */
export async function find(state: LoopState, file: string): Promise<LoopDevice | undefined> {
  const identity = await identityAt(file);
  return identity === undefined ? undefined : await findByIdentity(state, identity);
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

/** The device whose file has this identity: the one that had it when it was last asked, if nothing has changed there, else all are looked at. */
export async function findByIdentity(state: LoopState, identity: string): Promise<LoopDevice | undefined> {
  const asked = lastAsked(state, identity);
  if (asked !== undefined) return asked;
  const name = (await state.namesByIdentity()).get(identity);
  return name === undefined ? undefined : describe(name);
}

function lastAsked({ asked }: LoopState, identity: string): LoopDevice | undefined {
  for (const [name, last] of asked) {
    if (last.identity === identity && sequenceOf(name) === last.sequence) return describe(name);
  }
  return undefined;
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
