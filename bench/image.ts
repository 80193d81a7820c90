import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createCleanup } from '../src/cli/demo/cleanup.ts';
import { writeRandom } from '../src/cli/demo/data.ts';
import { makeEmbeddedPool } from '../src/cli/demo/pool.ts';
import { services } from '../src/csi/services.ts';
import { createHost } from '../src/host/system.ts';
import { start, stowage } from './drivers.ts';
import { interrupt } from './interrupt.ts';
import { CAPABILITY, newVolume, type Subject } from './phases.ts';

const POOL_BYTES = 6 * 1024 ** 3;
const VOLUME_BYTES = 1024 ** 3;
const DATA_BYTES = 256 * 1024 ** 2;

/** How long snapshots of, and restores into volumes with, 256 MiB of random bytes take: image backend on XFS with reflink. */
export async function measureSnapshots(
  folder: string,
  times: number,
): Promise<{ readonly snapshotMs: number[]; readonly restoreMs: number[] }> {
  const cleanup = createCleanup();
  try {
    await mkdir(folder, { recursive: true });
    const pool = await makeEmbeddedPool(createHost(), folder, POOL_BYTES, cleanup, interrupt);
    const command = await stowage(join(folder, 'driver'), { name: 'image', backend: 'image', path: pool.path });
    const driver = await start(command);
    cleanup.add('driver', driver.stop);
    const { client, nodeId } = driver;
    const kubeletFolder = join(folder, 'kubelet');
    return await snapshotAndRestore(
      { name: 'stowage', client, nodeId, kubeletFolder, parameters: {}, pid: undefined },
      times,
    );
  } finally {
    for (const failure of await cleanup.run()) process.stderr.write(`could not undo ${failure}\n`);
  }
}

async function snapshotAndRestore(subject: Subject, times: number) {
  const { client } = subject;
  const { controller, node } = services;
  const create = (name: string, snapshotId?: string) =>
    client.call(controller.CreateVolume, {
      name,
      capacityRange: { requiredBytes: VOLUME_BYTES },
      volumeCapabilities: [CAPABILITY],
      ...(snapshotId === undefined ? {} : { volumeContentSource: { snapshot: { snapshotId } } }),
    });
  const volume = await newVolume(subject, 'bench-data', true);
  const volumeId = (await create(volume.name)).volume?.volumeId ?? '';
  const where = { volumeId, stagingTargetPath: volume.stagingPath, volumeCapability: CAPABILITY };
  await client.call(node.NodeStageVolume, where);
  await client.call(node.NodePublishVolume, { ...where, targetPath: volume.targetPath });
  await writeRandom(join(volume.targetPath, 'data'), 'wx', DATA_BYTES, interrupt, () => undefined);
  const snapshotMs: number[] = [];
  const restoreMs: number[] = [];
  for (let index = 0; index < times; index++) {
    interrupt.throwIfAborted();
    const snapshotStartMs = performance.now();
    const { snapshot } = await client.call(controller.CreateSnapshot, {
      name: `snapshot-${index}`,
      sourceVolumeId: volumeId,
    });
    if (snapshot?.readyToUse !== true) throw new Error('the snapshot is not ready when CreateSnapshot answers');
    snapshotMs.push(performance.now() - snapshotStartMs);
    const restoreStartMs = performance.now();
    const restored = await create(`restored-${index}`, snapshot.snapshotId);
    restoreMs.push(performance.now() - restoreStartMs);
    await client.call(controller.DeleteVolume, { volumeId: restored.volume?.volumeId ?? '' });
    await client.call(controller.DeleteSnapshot, { snapshotId: snapshot.snapshotId });
  }
  await client.call(node.NodeUnpublishVolume, { volumeId, targetPath: volume.targetPath });
  await client.call(node.NodeUnstageVolume, { volumeId, stagingTargetPath: volume.stagingPath });
  await client.call(controller.DeleteVolume, { volumeId });
  return { snapshotMs, restoreMs };
}
