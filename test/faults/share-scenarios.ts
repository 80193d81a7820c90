import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unmountBeneath } from '../support/driver.ts';
import { fill } from './contents.ts';
import { type Ground, need, type State, type Steps, same } from './scenario.ts';
import { createVolume, createVolumeAnswer, deleteVolume, type Kind } from './verbs.ts';

/** What is a share's own: the table that leads to it, and whose folder is whose. */
export const onShare: Record<string, Steps> = {
  'CreateVolume, the first on its share': {
    async renew({ pool, work }) {
      await unmountBeneath(join(work, 'state'));
      for (const folder of [pool, join(work, 'state')])
        for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
    },
    setUp: same,
    operate: (csi, _state, kind) => createVolumeAnswer(csi, { name: 'volume', kind }),
  },
  'CreateVolume beneath folders, with an owner': {
    setUp: same,
    operate: (csi, _state, kind) =>
      createVolumeAnswer(csi, {
        ...{ name: 'volume', kind },
        parameters: { subDir: 'base-team/app', mountPermissions: '2750', uid: '1234', gid: '2345' },
      }),
  },
  'CreateVolume in a folder that volumes share': {
    prepare: sharedBase,
    setUp: same,
    operate: (csi, _state, kind) => createVolumeAnswer(csi, sharedVolume('volume', kind)),
  },
  'DeleteVolume, retain, in a folder that volumes share': {
    prepare: sharedBase,
    setUp: async ({ csi }, _base, kind) => ({ volumeId: await createVolume(csi, sharedVolume('volume', kind)) }),
    operate: (csi, state) => deleteVolume(csi, need(state, 'volumeId')),
  },
  'DeleteVolume, archive, beside an older one': {
    setUp: async ({ place, csi }, _base, kind) => {
      await mkdir(join(place.pool, 'archived-volume/kept'), { recursive: true });
      return { volumeId: await createVolume(csi, { name: 'volume', kind, onDelete: 'archive' }) };
    },
    operate: (csi, state) => deleteVolume(csi, need(state, 'volumeId')),
  },
  'DeleteVolume, and another one in its folder': {
    setUp: async ({ csi }, _base, kind) => ({ volumeId: await createVolume(csi, { name: 'volume', kind }) }),
    operate: async (csi, state, kind) => {
      await deleteVolume(csi, need(state, 'volumeId'));
      return createVolumeAnswer(csi, { name: 'next', kind, parameters: { subDir: 'volume' } });
    },
  },
};

const sharedVolume = (name: string, kind: Kind) => ({
  ...{ name, kind, onDelete: 'retain' },
  parameters: { subDir: 'base-common' },
});

async function sharedBase({ place, csi }: Ground, kind: Kind): Promise<State> {
  const volumeId = await createVolume(csi, sharedVolume('base', kind));
  await fill(place, { kind, name: 'base-common' });
  return { volumeId };
}
