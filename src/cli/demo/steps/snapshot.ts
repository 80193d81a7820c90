import { services } from '../../../csi/services.ts';
import { damageContents, differingContents, verifyContents } from '../contents.ts';
import { formatBytes } from '../format.ts';
import { describeSpace } from '../kernel.ts';
import { create, use } from '../lifecycle.ts';
import { call, madeVolume, type Step, type Walk } from '../walk.ts';

/** The walk's only snapshot. */
export const SNAPSHOT_NAME = 'demo-before-damage';

/** The id that CreateSnapshot answered. Throws where no snapshot was made. */
export function snapshotId(walk: Walk): string {
  const id = walk.snapshots.get(SNAPSHOT_NAME);
  if (id === undefined) throw new Error(`snapshot ${SNAPSHOT_NAME} was not made`);
  return id;
}

/** A snapshot that saves the data, and a clone. */
export const snapshotSteps: readonly Step[] = [
  {
    title: 'Take a snapshot while the volume is in use',
    async run(walk) {
      const sourceVolumeId = madeVolume(walk, walk.volumes.data).id;
      const { snapshot } = await call(
        walk,
        services.controller.CreateSnapshot,
        { name: SNAPSHOT_NAME, sourceVolumeId },
        { name: SNAPSHOT_NAME, sourceVolumeId },
        (response) => ({
          snapshotId: response.snapshot?.snapshotId,
          readyToUse: response.snapshot?.readyToUse,
          size: formatBytes(Number(response.snapshot?.sizeBytes ?? 0)),
        }),
      );
      if (snapshot === null) throw new Error('CreateSnapshot answered without a snapshot');
      walk.snapshots.set(SNAPSHOT_NAME, snapshot.snapshotId);
      walk.screen.fact('df', `${walk.pool.path}: ${await describeSpace(walk.host, walk.pool.path)}`);
    },
  },
  {
    title: 'Damage the data: overwrite, delete, add',
    async run(walk) {
      await damageContents(walk.volumes.data);
      const differing = await differingContents(walk, walk.volumes.data);
      if (differing.length === 0) throw new Error('the damage does not show');
      for (const text of differing) walk.screen.fact('damaged', text);
    },
  },
  {
    title: 'Restore the snapshot into a new volume',
    async run(walk) {
      const { restored } = walk.volumes;
      await create(walk, restored, { snapshotId: snapshotId(walk) });
      await use(walk, restored);
      await verifyContents(walk, restored);
    },
  },
  {
    title: 'Clone the restored volume',
    async run(walk) {
      const { clone, restored } = walk.volumes;
      await create(walk, clone, { volumeId: madeVolume(walk, restored).id });
      await use(walk, clone);
      await verifyContents(walk, clone);
      walk.screen.fact('df', `${walk.pool.path}: ${await describeSpace(walk.host, walk.pool.path)}`);
    },
  },
];
