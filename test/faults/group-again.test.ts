import { expect, it } from '@jest/globals';
import { makePlace, toTrash } from './place.ts';
import { crash, start } from './running.ts';
import { createGroup, createVolume, deleteGroup } from './verbs.ts';

it.each(['directory', 'share'] as const)(
  '%s: a group whose deletion failed in its midst is gone when it is called again',
  async (backend) => {
    const place = await makePlace(backend);
    const running = await start(place);
    try {
      const { csi, driver, faulty } = running;
      const sources = [];
      for (const name of ['one', 'two']) sources.push(await createVolume(csi, { name, kind: 'folder' }));
      const { groupSnapshotId, snapshotIds } = await createGroup(csi, 'group', sources);
      let moves = 0;
      faulty.arm({ at: ({ method }) => method === toTrash(place) && ++moves === 1, how: 'fail-before' });
      await expect(deleteGroup(csi, groupSnapshotId, snapshotIds)).rejects.toThrow('injected');
      await deleteGroup(csi, groupSnapshotId, snapshotIds);
      await driver.idle();
      expect([...driver.catalog.all()].map(({ kind }) => kind)).toEqual(['volume', 'volume']);
    } finally {
      await crash(running);
      await place.cleanup();
    }
  },
);
