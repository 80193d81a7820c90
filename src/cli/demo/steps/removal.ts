import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { services } from '../../../csi/services.ts';
import { describeSpace, loopsBeneath, mountsBeneath } from '../kernel.ts';
import { detach, release, remove } from '../lifecycle.ts';
import { call, type Step, type Walk } from '../walk.ts';
import { SNAPSHOT_NAME, snapshotId } from './snapshot.ts';

/** Everything back, in the order in which Kubernetes does it. */
export const removalSteps: readonly Step[] = [
  {
    title: 'Unpublish and unstage every volume',
    async run(walk) {
      for (const volume of Object.values(walk.volumes)) await release(walk, volume);
      const mounts = await mountsBeneath(walk.host, walk.kubeletFolder);
      const loops = await loopsBeneath(walk.host, walk.pool.path);
      walk.screen.fact('mountinfo', `${mounts.length} mounts beneath ${walk.kubeletFolder}`);
      walk.screen.fact('losetup', `${loops.length} loop devices of volumes`);
      if (mounts.length + loops.length > 0) throw new Error('unstaged volumes still have mounts or loop devices');
    },
  },
  {
    title: 'Detach every volume from this node',
    async run(walk) {
      for (const volume of Object.values(walk.volumes)) await detach(walk, volume);
    },
  },
  {
    title: 'Delete the volumes and the snapshot',
    async run(walk) {
      for (const volume of Object.values(walk.volumes)) await remove(walk, volume);
      const request = { snapshotId: snapshotId(walk) };
      await call(walk, services.controller.DeleteSnapshot, request, request);
      walk.snapshots.delete(SNAPSHOT_NAME);
      await call(walk, services.controller.ListVolumes, {}, {}, ({ entries }) => ({ volumes: entries.length }));
      await untilTrashIsEmpty(walk);
      walk.screen.fact('df', `${walk.pool.path}: ${await describeSpace(walk.host, walk.pool.path)}`);
    },
  },
];

const TRASH_TIMEOUT_MS = 20_000;
const TRASH_LOOK_MS = 50;

/** DeleteVolume answers once the data is in the pool's trash, which is emptied behind it. */
async function untilTrashIsEmpty(walk: Walk): Promise<void> {
  const trash = join(walk.pool.path, '.stowage/trash');
  const emptied = walk.screen.waiting('emptying the trash');
  const deadlineMs = performance.now() + TRASH_TIMEOUT_MS;
  try {
    while ((await walk.host.files.list(trash)).length > 0) {
      if (performance.now() > deadlineMs) throw new Error(`${trash} is not emptied after ${TRASH_TIMEOUT_MS} ms`);
      await sleep(TRASH_LOOK_MS, undefined, { signal: walk.signal });
    }
  } finally {
    emptied();
  }
}
