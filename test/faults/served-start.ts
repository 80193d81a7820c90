import { dieAt, type HalfDone, nth } from './every-start.ts';
import { crash } from './running.ts';
import { need, same } from './scenario.ts';
import { muddleExports } from './served.ts';
import { OTHER } from './served-scenarios.ts';
import { attach, createVolume, detach } from './verbs.ts';

/** Each operation by which exports change left half done, and the table of exports not as the records say. */
export const servedHalfDone: HalfDone = {
  always: ['nfsExports.add', 'nfsExports.remove'],

  scenarioOf: (kind) => ({
    name: 'start of a server',
    kind,
    // It stays attached to two nodes.
    prepare: async ({ csi }) => {
      const volumeId = await createVolume(csi, { name: 'base', kind });
      await attach(csi, { volumeId, kind }, { ofManyNodes: true });
      await attach(csi, { volumeId, kind }, { nodeId: OTHER, ofManyNodes: true, readOnly: true });
      return {};
    },
    setUp: same,
    operate: async (csi, state) => {
      await attach(csi, { volumeId: need(state, 'coming'), kind });
      for (const name of ['going', 'gone']) await detach(csi, need(state, name));
    },
  }),

  async leave({ place, running, base, scenario: { kind } }) {
    const { csi } = running;
    const coming = await createVolume(csi, { name: 'coming', kind });
    const going = await createVolume(csi, { name: 'going', kind });
    const gone = await createVolume(csi, { name: 'gone', kind });
    for (const volumeId of [going, gone]) await attach(csi, { volumeId, kind });
    const diesAt = (method: string, number: number, operation: () => Promise<unknown>) =>
      dieAt(running, nth(method, number), operation);
    // Recorded, and not exported yet; exported no more, and still recorded; neither, and still bound for export.
    await diesAt('nfsExports.add', 1, () => attach(csi, { volumeId: coming, kind }));
    await diesAt('files.writeDurably', 1, () => detach(csi, going));
    await diesAt('mounts.detach', 1, () => detach(csi, gone));
    await crash(running);
    await muddleExports(place, 'base');
    return { ...base, coming, going, gone };
  },
};
