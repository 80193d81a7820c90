import { describeEveryStart, dieAt, type HalfDone, nth } from './every-start.ts';
import { type BackendName, toTrash } from './place.ts';
import { crash } from './running.ts';
import { need, readySnapshot, same, sources } from './scenario.ts';
import {
  createGroup,
  createSnapshot,
  createVolume,
  createVolumeAnswer,
  deleteGroup,
  deleteVolume,
  type Kind,
} from './verbs.ts';

/** Those that can copy: each operation is one of those left half done. */
const BACKENDS = [
  ['image', ['xfs', 'block']],
  ['directory', ['folder']],
  ['btrfs', ['folder']],
  ['share', ['folder']],
] as const satisfies readonly (readonly [BackendName, readonly Kind[]])[];

const halfDone: HalfDone = {
  scenarioOf: (kind) => ({
    name: 'start',
    kind,
    prepare: sources,
    setUp: same,
    operate: async (csi, state) => {
      const volume = await createVolumeAnswer(csi, { name: 'volume', kind });
      const copy = await createVolumeAnswer(csi, { name: 'copy', kind, fromVolume: need(state, 'source') });
      const snapshot = await readySnapshot(csi, 'snapshot', need(state, 'source'));
      const group = await createGroup(csi, 'group', [need(state, 'source'), need(state, 'second')]);
      await deleteVolume(csi, need(state, 'victim'));
      await deleteGroup(csi, need(state, 'oldGroup'), need(state, 'oldSnapshots').split(','));
      return { volume, copy, snapshot, group };
    },
  }),

  async leave({ place, running, base, scenario: { kind } }) {
    const { csi } = running;
    const source = need(base, 'source');
    const both = [source, need(base, 'second')];
    const victim = await createVolume(csi, { name: 'victim', kind });
    const old = await createGroup(csi, 'old-group', both);
    const diesAt = (method: string, number: number, operation: () => Promise<unknown>) =>
      dieAt(running, nth(method, number), operation);
    // The second record of a creation says that it is ready; the fifth of a group, that its second member is.
    await diesAt('files.writeDurably', 2, () => createVolume(csi, { name: 'volume', kind }));
    await diesAt('files.writeDurably', 2, () => createVolume(csi, { name: 'copy', kind, fromVolume: source }));
    await diesAt('files.writeDurably', 2, () => createSnapshot(csi, 'snapshot', source));
    await diesAt('files.writeDurably', 5, () => createGroup(csi, 'group', both));
    await diesAt(toTrash(place), 1, () => deleteVolume(csi, victim));
    await diesAt(toTrash(place), 2, () => deleteGroup(csi, old.groupSnapshotId, old.snapshotIds));
    await crash(running);
    return { ...base, victim, oldGroup: old.groupSnapshotId, oldSnapshots: old.snapshotIds.join() };
  },
};

for (const [backend, kinds] of BACKENDS) describeEveryStart(backend, kinds, halfDone);
