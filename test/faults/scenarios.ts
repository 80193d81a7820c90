import { options } from './options.ts';
import type { BackendName } from './place.ts';
import {
  empty,
  type Ground,
  need,
  readySnapshot,
  type Scenario,
  type State,
  type Steps,
  same,
  source,
  sources,
  targetOf,
} from './scenario.ts';
import { onServer } from './served-scenarios.ts';
import { onShare } from './share-scenarios.ts';
import {
  attach,
  createGroup,
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
  unpublish,
  unstage,
} from './verbs.ts';

const GROWN_BYTES: Readonly<Record<Kind, number>> = { xfs: 340 * MIB, block: 8 * MIB, folder: 2 * MIB };

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
