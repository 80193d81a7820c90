import { fill } from './contents.ts';
import type { Csi } from './in-process.ts';
import type { Place } from './place.ts';
import { createSnapshot, createVolume, type Kind, stage, type Target } from './verbs.ts';

/** What a scenario's steps hand on: ids and names. It passes through JSON to a process of its own. */
export type State = Readonly<Record<string, string>>;

/** Where a scenario sets up: a healthy driver. */
export interface Ground {
  readonly place: Place;
  readonly csi: Csi;
}

/**
 * One operation under fault. Everything that `operate` does must be answered by the same when it is called again, whatever became of the
 * call before.
 */
export interface Scenario {
  readonly name: string;
  readonly kind: Kind;
  /** What is there before and stays through all faults: names begin with `base`. */
  readonly prepare?: (ground: Ground, kind: Kind) => Promise<State>;
  /** Takes back what stays when all is deleted, before each fault, while no driver runs. */
  readonly renew?: (place: Place) => Promise<void>;
  /** What is made anew for each fault. `base` is what prepare gave. */
  readonly setUp: (ground: Ground, base: State, kind: Kind) => Promise<State>;
  /** @returns what a retry must answer, too */
  readonly operate: (csi: Csi, state: State, kind: Kind) => Promise<unknown>;
}

export type Steps = Omit<Scenario, 'name' | 'kind'>;

/** A volume with content, as large as a kind's volumes are; a file system stays mounted, so that copies must freeze it. */
export async function filled({ place, csi }: Ground, kind: Kind, name: string): Promise<string> {
  const volumeId = await createVolume(csi, { name, kind });
  if (kind === 'xfs') await stage(csi, { work: place.work, name, kind, volumeId });
  await fill(place, { kind, name }, { csi, volumeId });
  return volumeId;
}

export async function empty({ place, csi }: Ground, _base: State, kind: Kind) {
  const volumeId = await createVolume(csi, { name: 'volume', kind });
  return { work: place.work, name: 'volume', volumeId };
}

export function targetOf(state: State, kind: Kind): Target {
  return { work: need(state, 'work'), name: need(state, 'name'), kind, volumeId: need(state, 'volumeId') };
}

/** A value that an earlier step handed on. */
export function need(state: State, key: string): string {
  const value = state[key];
  if (value === undefined) throw new Error(`the scenario's state has no ${key}`);
  return value;
}

/** Where copies take long, ready comes later. */
export async function readySnapshot(csi: Csi, name: string, volumeId: string) {
  for (;;) {
    const answer = await createSnapshot(csi, name, volumeId);
    if (answer.ready) return answer;
  }
}

/** A volume with content. */
export const source = async (ground: Ground, kind: Kind) => ({ source: await filled(ground, kind, 'base') });
/** Two volumes with content. */
export const sources = async (ground: Ground, kind: Kind) => ({
  source: await filled(ground, kind, 'base'),
  second: await filled(ground, kind === 'xfs' ? 'block' : kind, 'base2'),
});
export const same = async (_ground: Ground, base: State) => base;
