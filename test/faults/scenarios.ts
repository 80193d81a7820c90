import { fill } from './contents.ts';
import type { Csi } from './in-process.ts';
import { options } from './options.ts';
import type { BackendName, Place } from './place.ts';
import { onServer } from './served-scenarios.ts';
import { onShare } from './share-scenarios.ts';
import {
  attach,
  createGroup,
  createSnapshot,
  createVolume,
  createVolumeAnswer,
  deleteGroup,
  deleteSnapshot,
  deleteVolume,
  detach,
  expand,
  expandOnNode,
  type Kind,
  MIB,
  modify,
  publish,
  stage,
  type Target,
  unpublish,
  unstage,
} from './verbs.ts';

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

const GROWN_BYTES: Readonly<Record<Kind, number>> = { xfs: 340 * MIB, block: 8 * MIB, folder: 2 * MIB };

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

const source = async (ground: Ground, kind: Kind) => ({ source: await filled(ground, kind, 'base') });
/** Two volumes with content. */
export const sources = async (ground: Ground, kind: Kind) => ({
  source: await filled(ground, kind, 'base'),
  second: await filled(ground, kind === 'xfs' ? 'block' : kind, 'base2'),
});
const same = async (_ground: Ground, base: State) => base;

const creation: Record<string, Steps> = {
  'CreateVolume, empty': {
    setUp: same,
    operate: (csi, _state, kind) => createVolumeAnswer(csi, { name: 'volume', kind }),
  },
  'CreateVolume from a snapshot': {
    prepare: async (ground, kind) => {
      const { source: volumeId } = await source(ground, kind);
      return { snapshot: (await readySnapshot(ground.csi, 'base-snapshot', volumeId)).snapshotId };
    },
    setUp: same,
    operate: (csi, state, kind) =>
      createVolumeAnswer(csi, { name: 'volume', kind, fromSnapshot: need(state, 'snapshot') }),
  },
  'CreateVolume from a volume': {
    prepare: source,
    setUp: same,
    operate: (csi, state, kind) => createVolumeAnswer(csi, { name: 'volume', kind, fromVolume: need(state, 'source') }),
  },
  CreateSnapshot: {
    prepare: source,
    setUp: same,
    operate: (csi, state) => readySnapshot(csi, 'snapshot', need(state, 'source')),
  },
  CreateVolumeGroupSnapshot: {
    prepare: sources,
    setUp: same,
    operate: (csi, state) => createGroup(csi, 'group', [need(state, 'source'), need(state, 'second')]),
  },
};

function deletion(onDelete: string): Steps {
  return {
    setUp: async ({ csi }, _base, kind) => ({ volumeId: await createVolume(csi, { name: 'volume', kind, onDelete }) }),
    operate: (csi, state) => deleteVolume(csi, need(state, 'volumeId')),
  };
}

const removal: Record<string, Steps> = {
  'DeleteVolume, delete': deletion('delete'),
  'DeleteVolume, retain': deletion('retain'),
  'DeleteVolume, archive': deletion('archive'),
  DeleteSnapshot: {
    prepare: source,
    setUp: async ({ csi }, base) => ({
      snapshot: (await readySnapshot(csi, 'snapshot', need(base, 'source'))).snapshotId,
    }),
    operate: (csi, state) => deleteSnapshot(csi, need(state, 'snapshot')),
  },
  DeleteVolumeGroupSnapshot: {
    prepare: sources,
    setUp: async ({ csi }, base) => {
      const group = await createGroup(csi, 'group', [need(base, 'source'), need(base, 'second')]);
      return { group: group.groupSnapshotId, snapshots: group.snapshotIds.join() };
    },
    operate: (csi, state) => deleteGroup(csi, need(state, 'group'), need(state, 'snapshots').split(',')),
  },
};

const change: Record<string, Steps> = {
  ControllerExpandVolume: {
    setUp: empty,
    operate: (csi, state, kind) => expand(csi, need(state, 'volumeId'), GROWN_BYTES[kind]),
  },
  ControllerPublishVolume: {
    setUp: empty,
    operate: (csi, state, kind) => attach(csi, { volumeId: need(state, 'volumeId'), kind }),
  },
  ControllerUnpublishVolume: {
    setUp: async (ground, base, kind) => {
      const state = await empty(ground, base, kind);
      await attach(ground.csi, { ...state, kind });
      return state;
    },
    operate: (csi, state) => detach(csi, need(state, 'volumeId')),
  },
  ControllerModifyVolume: {
    setUp: empty,
    operate: (csi, state) => modify(csi, need(state, 'volumeId'), 'archive'),
  },
};

async function staged(ground: Ground, base: State, kind: Kind) {
  const state = await empty(ground, base, kind);
  await stage(ground.csi, { ...state, kind });
  return state;
}

async function published(ground: Ground, base: State, kind: Kind) {
  const state = await staged(ground, base, kind);
  await publish(ground.csi, { ...state, kind }, { readOnly: false });
  return state;
}

const node: Record<string, Steps> = {
  'ControllerExpandVolume and NodeExpandVolume': {
    setUp: staged,
    operate: async (csi, state, kind) => {
      await expand(csi, need(state, 'volumeId'), GROWN_BYTES[kind]);
      return expandOnNode(csi, targetOf(state, kind), GROWN_BYTES[kind]);
    },
  },
  NodeStageVolume: { setUp: empty, operate: (csi, state, kind) => stage(csi, targetOf(state, kind)) },
  NodeUnstageVolume: { setUp: staged, operate: (csi, state, kind) => unstage(csi, targetOf(state, kind)) },
  NodePublishVolume: {
    setUp: staged,
    operate: (csi, state, kind) => publish(csi, targetOf(state, kind), { readOnly: false }),
  },
  'NodePublishVolume, read-only': {
    setUp: staged,
    operate: (csi, state, kind) => publish(csi, targetOf(state, kind), { readOnly: true }),
  },
  NodeUnpublishVolume: { setUp: published, operate: (csi, state, kind) => unpublish(csi, targetOf(state, kind)) },
};

/** The growing of a copy that is larger than its source, which NodeStage does. */
const growth: Record<string, Steps> = {
  'NodeStageVolume of a larger copy': {
    prepare: source,
    setUp: async ({ place, csi }, base, kind) => {
      const volumeId = await createVolume(csi, { name: 'volume', kind, fromVolume: need(base, 'source') });
      await expand(csi, volumeId, GROWN_BYTES[kind]);
      return { work: place.work, name: 'volume', volumeId };
    },
    operate: (csi, state, kind) => stage(csi, targetOf(state, kind)),
  },
};

function of(kind: Kind, ...sets: Record<string, Steps>[]): Scenario[] {
  return sets.flatMap((set) =>
    Object.entries(set).map(([name, steps]) => ({ ...steps, name: `${name} (${kind})`, kind })),
  );
}

function only(set: Record<string, Steps>, name: string): Record<string, Steps> {
  return Object.fromEntries(Object.entries(set).filter(([key]) => key === name));
}

/** For what cannot be copied, nor kept when it is deleted. */
function withoutCopies(kind: Kind, can: { readonly grow: boolean }): Scenario[] {
  const left = (name: string) =>
    name === 'CreateVolume, empty' ||
    name === 'DeleteVolume, delete' ||
    !(
      name in creation ||
      name in removal ||
      name === 'ControllerModifyVolume' ||
      (name.includes('Expand') && !can.grow)
    );
  return [creation, removal, change, node].flatMap((set) =>
    of(kind, Object.fromEntries(Object.entries(set).filter(([name]) => left(name)))),
  );
}

/** Every operation, for each kind of volume of the backend. What does not depend on the kind is tried with the quicker one. */
export const SCENARIOS: Readonly<Record<BackendName, readonly Scenario[]>> = {
  image: [...of('xfs', creation, growth, node), ...of('block', creation, removal, change, node)],
  directory: of('folder', creation, removal, change, node),
  btrfs: of('folder', creation, removal, change, options, node),
  memory: withoutCopies('folder', { grow: true }),
  disk: withoutCopies('block', { grow: false }),
  'mounted disk': withoutCopies('folder', { grow: false }),
  'directory with quotas': of('folder', creation, removal, change, node),
  lvm: of('block', creation, removal, change, node),
  'thick lvm': withoutCopies('block', { grow: true }),
  share: of('folder', creation, removal, change, node, onShare),
  // What else there is to do with their folders is that of 'directory with quotas'.
  'served directory': of(
    'folder',
    onServer,
    only(creation, 'CreateVolume, empty'),
    only(removal, 'DeleteVolume, delete'),
  ),
  'served btrfs': of('folder', onServer),
};
