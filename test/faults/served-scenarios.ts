import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { empty, filled, type Ground, need, readySnapshot, type State, type Steps, targetOf } from './scenario.ts';
import {
  attach,
  createVolumeAnswer,
  deleteVolume,
  detach,
  expand,
  type Kind,
  MIB,
  pathsOf,
  publish,
  stage,
  type Target,
  unpublish,
  unstage,
} from './verbs.ts';

/** A node that nothing is mounted on: only what it may have counts. */
export const OTHER = 'node-2|10.0.0.2';

async function attached(ground: Ground, base: State, kind: Kind) {
  const state = await empty(ground, base, kind);
  await attach(ground.csi, { ...state, kind }, { ofManyNodes: true });
  return state;
}

async function staged(ground: Ground, base: State, kind: Kind) {
  const state = await attached(ground, base, kind);
  await stage(ground.csi, targetOf(state, kind));
  return state;
}

async function published(ground: Ground, base: State, kind: Kind) {
  const state = await staged(ground, base, kind);
  await publish(ground.csi, targetOf(state, kind), { readOnly: false });
  return state;
}

/** What the last one opened: it stays so until the next one, or the test's end. */
let opened: FileHandle | undefined;

/** With a file open, so that the node's client holds state of the volume. */
async function inUse(ground: Ground, base: State, kind: Kind) {
  await opened?.close().catch(() => undefined); // it is stale
  const state = await published(ground, base, kind);
  opened = await open(join(pathsOf(state.work, state.name).target, 'open'), 'w');
  await opened.writeFile('written');
  await opened.sync();
  return state;
}

/** Throws unless a write on the node fails, which has the volume still mounted. */
async function checkShutOut({ work, name }: Target): Promise<void> {
  const file = join(pathsOf(work, name).target, 'late');
  const isWritten = await writeFile(file, 'late', { flush: true }).then(
    () => true,
    () => false,
  );
  if (isWritten) throw new Error(`${file} was written by a node that was shut out`);
}

async function detached(ground: Ground, base: State, kind: Kind) {
  const state = await attached(ground, base, kind);
  await detach(ground.csi, state.volumeId);
  return state;
}

/** A volume with content that a node has. */
const source = async (ground: Ground, kind: Kind) => {
  const volumeId = await filled(ground, kind, 'base');
  await attach(ground.csi, { volumeId, kind });
  return { source: volumeId };
};
const same = async (_ground: Ground, base: State) => base;
const idOf = (state: State) => need(state, 'volumeId');

/** What is a served volume's own: whom it is exported to. */
export const onServer: Record<string, Steps> = {
  'ControllerPublishVolume, exported': {
    setUp: empty,
    operate: (csi, state, kind) => attach(csi, { volumeId: idOf(state), kind }),
  },
  'ControllerUnpublishVolume, with a file open': {
    setUp: inUse,
    operate: async (csi, state, kind) => {
      await detach(csi, idOf(state));
      await checkShutOut(targetOf(state, kind));
    },
  },
  'DeleteVolume of one that was exported': {
    setUp: detached,
    operate: (csi, state) => deleteVolume(csi, idOf(state)),
  },
  'ControllerPublishVolume, read-only': {
    setUp: empty,
    operate: (csi, state, kind) => attach(csi, { volumeId: idOf(state), kind }, { readOnly: true }),
  },
  'ControllerPublishVolume, a second node': {
    setUp: attached,
    operate: (csi, state, kind) => attach(csi, { volumeId: idOf(state), kind }, { nodeId: OTHER, ofManyNodes: true }),
  },
  'ControllerUnpublishVolume, one of two nodes': {
    setUp: async (ground, base, kind) => {
      const state = await attached(ground, base, kind);
      await attach(ground.csi, { ...state, kind }, { nodeId: OTHER, ofManyNodes: true });
      return state;
    },
    operate: (csi, state) => detach(csi, idOf(state), OTHER),
  },
  'ControllerUnpublishVolume, and ControllerPublishVolume for another node': {
    setUp: attached,
    operate: async (csi, state, kind) => {
      await detach(csi, idOf(state));
      await attach(csi, { volumeId: idOf(state), kind }, { nodeId: OTHER });
    },
  },
  'ControllerExpandVolume, exported': {
    setUp: attached,
    operate: (csi, state) => expand(csi, idOf(state), 2 * MIB),
  },
  'CreateSnapshot of an exported volume': {
    prepare: source,
    setUp: same,
    operate: (csi, state) => readySnapshot(csi, 'snapshot', need(state, 'source')),
  },
  'CreateVolume from an exported volume': {
    prepare: source,
    setUp: same,
    operate: (csi, state, kind) => createVolumeAnswer(csi, { name: 'volume', kind, fromVolume: need(state, 'source') }),
  },
  'NodeStageVolume, exported': {
    setUp: attached,
    operate: (csi, state, kind) => stage(csi, targetOf(state, kind)),
  },
  'NodePublishVolume, exported': {
    setUp: staged,
    operate: (csi, state, kind) => publish(csi, targetOf(state, kind), { readOnly: false }),
  },
  'NodeUnpublishVolume and NodeUnstageVolume, exported': {
    setUp: published,
    operate: async (csi, state, kind) => {
      await unpublish(csi, targetOf(state, kind));
      await unstage(csi, targetOf(state, kind));
    },
  },
};
