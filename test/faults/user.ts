import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { fill } from './contents.ts';
import type { Csi } from './in-process.ts';
import { itemPath, type Place } from './place.ts';
import type { Random } from './random.ts';
import {
  createSnapshot,
  createVolume,
  deleteSnapshot,
  deleteVolume,
  type Kind,
  publish,
  stage,
  type Target,
  unpublish,
  unstage,
} from './verbs.ts';
import { digestOf } from './world.ts';

/** What a user was told to be there. */
export interface Kept {
  readonly id: string;
  readonly name: string;
  readonly digest: string;
}

/** One of the users of a driver that is killed again and again: each has volumes of its own, and calls again until it is answered. */
export interface User {
  readonly volumes: Map<string, Kept>;
  readonly snapshots: Map<string, Kept>;
  /** Ids that were deleted. */
  readonly deleted: string[];
}

/** Answers that say to call again; the rest are faults. */
const PASSING: readonly unknown[] = [status.UNAVAILABLE, status.ABORTED, status.CANCELLED, status.DEADLINE_EXCEEDED];
const PAUSE_MS = 20;
const VOLUMES_MAX = 5;
const SNAPSHOTS_MAX = 4;

/** Works until the signal, then ends with the operation that runs; tells of each answer. Throws what no retry would mend. */
export async function use(
  place: Place,
  csi: Csi,
  kind: Kind,
  options: {
    readonly prefix: string;
    readonly random: Random;
    readonly signal: AbortSignal;
    readonly onAnswer: () => void;
  },
): Promise<User> {
  const { prefix, random, signal, onAnswer } = options;
  const user: User = { volumes: new Map(), snapshots: new Map(), deleted: [] };
  let next = 0;
  const newName = (what: string) => `${prefix}-${what}${next++}`;

  async function contentPath(place_: 'volumes' | 'snapshots', name: string): Promise<string> {
    const path = await itemPath(place, place_, name);
    return kind === 'folder' ? join(path, 'proof') : path;
  }

  async function keepVolume(name: string, id: string): Promise<void> {
    user.volumes.set(name, { id, name, digest: await digestOf(await contentPath('volumes', name)) });
  }

  async function create(): Promise<void> {
    const name = newName('volume');
    const id = await insist(() => createVolume(csi, { name, kind }));
    await fill(place, { kind, name });
    await keepVolume(name, id);
  }

  async function copy(): Promise<void> {
    const snapshot = random.pick([...user.snapshots.values()]);
    const volume = random.pick([...user.volumes.values()]);
    const source = snapshot ?? volume;
    if (source === undefined) return;
    const name = newName('copy');
    const from = source === snapshot ? { fromSnapshot: source.id } : { fromVolume: source.id };
    const id = await insist(() => createVolume(csi, { name, kind, ...from }));
    await keepVolume(name, id);
    const { digest } = user.volumes.get(name) ?? { digest: 'nothing' };
    if (digest !== source.digest)
      throw new Error(`${name} holds ${digest}, its source ${source.name} ${source.digest}`);
  }

  async function snapshot(): Promise<void> {
    const volume = random.pick([...user.volumes.values()]);
    if (volume === undefined) return;
    const name = newName('snapshot');
    let id = '';
    for (let ready = false; !ready; ) {
      const answer = await insist(() => createSnapshot(csi, name, volume.id));
      if (id !== '' && id !== answer.snapshotId) throw new Error(`${name} was ${id}, and is ${answer.snapshotId}`);
      id = answer.snapshotId;
      ready = answer.ready;
    }
    user.snapshots.set(name, { id, name, digest: volume.digest });
  }

  async function remove(): Promise<void> {
    const volume = random.pick([...user.volumes.values()]);
    if (volume === undefined) return;
    user.volumes.delete(volume.name);
    await insist(() => deleteVolume(csi, volume.id));
    user.deleted.push(volume.id);
  }

  async function removeSnapshot(): Promise<void> {
    const kept = random.pick([...user.snapshots.values()]);
    if (kept === undefined) return;
    user.snapshots.delete(kept.name);
    await insist(() => deleteSnapshot(csi, kept.id));
    user.deleted.push(kept.id);
  }

  async function mount(): Promise<void> {
    const volume = random.pick([...user.volumes.values()]);
    if (volume === undefined) return;
    const target: Target = { work: place.work, name: volume.name, kind, volumeId: volume.id };
    await insist(() => stage(csi, target));
    await insist(() => publish(csi, target, { readOnly: false }));
    await insist(() => unpublish(csi, target));
    await insist(() => unstage(csi, target));
  }

  /** Calls again until it is answered, as sidecars and kubelet do. */
  async function insist<Result>(call: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        const result = await call();
        onAnswer();
        return result;
      } catch (error) {
        const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
        if (!PASSING.includes(code)) throw error;
        await sleep(PAUSE_MS);
      }
    }
  }

  while (!signal.aborted) {
    const { size: volumes } = user.volumes;
    const { size: snapshots } = user.snapshots;
    const growing = [create, ...(snapshots < SNAPSHOTS_MAX ? [snapshot] : []), copy];
    const any = [mount, remove, removeSnapshot, ...(volumes < VOLUMES_MAX ? growing : [])];
    await random.pick(any)?.();
  }
  return user;
}
