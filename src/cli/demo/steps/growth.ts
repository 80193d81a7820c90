import { services } from '../../../csi/services.ts';
import { verifyContents } from '../contents.ts';
import { checksum, writeRandom } from '../data.ts';
import { formatBytes } from '../format.ts';
import { blockDeviceBytes, describeMount, describeSpace } from '../kernel.ts';
import { capabilityOf, create, use } from '../lifecycle.ts';
import { call, madeVolume, type Step } from '../walk.ts';

const RAW_BYTES = 32 * 1024 ** 2;

/** Expansion, raw block, and what the node and the controller say of all of it. */
export const growthSteps: readonly Step[] = [
  {
    title: 'Expand a volume while it is in use',
    async run(walk) {
      const { clone } = walk.volumes;
      const { id } = madeVolume(walk, clone);
      const requiredBytes = clone.sizeBytes * 1.5;
      const shown = { volumeId: id, requiredBytes: formatBytes(requiredBytes) };
      walk.screen.fact('df before', await describeSpace(walk.host, clone.targetPath));
      const volumeCapability = capabilityOf(clone);
      const request = { volumeId: id, capacityRange: { requiredBytes }, volumeCapability };
      await call(walk, services.controller.ControllerExpandVolume, request, shown, (response) => ({
        capacity: formatBytes(Number(response.capacityBytes)),
        nodeExpansionRequired: response.nodeExpansionRequired,
      }));
      await call(
        walk,
        services.node.NodeExpandVolume,
        { ...request, volumePath: clone.targetPath, stagingTargetPath: clone.stagingPath },
        { ...shown, volumePath: clone.targetPath },
        (response) => ({ capacity: formatBytes(Number(response.capacityBytes)) }),
      );
      walk.screen.fact('df after', await describeSpace(walk.host, clone.targetPath));
      await verifyContents(walk, clone);
    },
  },
  {
    title: 'A raw block volume: a device instead of a file system',
    async run(walk) {
      const { disk } = walk.volumes;
      await create(walk, disk);
      await use(walk, disk);
      walk.screen.fact('mountinfo', await describeMount(walk.host, disk.targetPath));
      const sizeBytes = await blockDeviceBytes(walk.host, disk.targetPath);
      walk.screen.fact('sysfs', `a block device of ${formatBytes(sizeBytes)}`);
      const progress = walk.screen.progress('writing the device', RAW_BYTES);
      try {
        const written = await writeRandom(disk.targetPath, 'r+', RAW_BYTES, walk.signal, progress.at);
        const read = await checksum(disk.targetPath, RAW_BYTES, walk.signal, progress.at);
        if (read !== written) throw new Error('the raw block volume gives back other bytes than were written');
        progress.end();
        walk.screen.fact('sha256', `${read.slice(0, 16)}…  ${formatBytes(RAW_BYTES)} read back as written`);
      } finally {
        progress.end();
      }
    },
  },
  {
    title: 'Statistics, as the kubelet asks for them',
    async run(walk) {
      for (const volume of Object.values(walk.volumes)) {
        const { id } = madeVolume(walk, volume);
        const request = { volumeId: id, volumePath: volume.targetPath, stagingTargetPath: volume.stagingPath };
        await call(walk, services.node.NodeGetVolumeStats, request, { volumeId: id }, ({ usage }) =>
          Object.fromEntries(
            usage.map(({ unit, total, used }) => [
              String(unit).toLowerCase(),
              unit === 'BYTES'
                ? `${formatBytes(Number(used))} of ${formatBytes(Number(total))}`
                : `${used} of ${total}`,
            ]),
          ),
        );
      }
    },
  },
  {
    title: 'List what there is',
    async run(walk) {
      await call(walk, services.controller.ListVolumes, {}, {}, ({ entries }) => ({ volumes: entries.length }));
      await call(walk, services.controller.ListSnapshots, {}, {}, ({ entries }) => ({ snapshots: entries.length }));
    },
  },
];
