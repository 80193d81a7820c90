import { services } from '../../../csi/services.ts';
import { stagedAt } from '../../../staging/stage.ts';
import { writeContents } from '../contents.ts';
import { formatBytes } from '../format.ts';
import { describeFile, describeMount, describeSpace, loopsBeneath } from '../kernel.ts';
import { attach, capabilityOf, create, publish, stage } from '../lifecycle.ts';
import { call, type Step } from '../walk.ts';

/** From an empty pool to a volume that a pod could write to. */
export const firstVolumeSteps: readonly Step[] = [
  {
    title: 'Ask the driver who it is',
    async run(walk) {
      await call(walk, services.identity.GetPluginInfo, {}, {}, ({ name, vendorVersion }) => ({ name, vendorVersion }));
      await call(walk, services.identity.GetPluginCapabilities, {}, {}, ({ capabilities }) => ({
        capabilities: capabilities.length,
      }));
      await call(walk, services.identity.Probe, {}, {}, ({ ready }) => ({ ready: ready?.value }));
      await call(walk, services.node.NodeGetInfo, {}, {}, ({ nodeId, accessibleTopology }) => ({
        nodeId,
        topology: JSON.stringify(accessibleTopology?.segments ?? {}),
      }));
    },
  },
  {
    title: 'Ask how much room the pool has',
    async run(walk) {
      await call(
        walk,
        services.controller.GetCapacity,
        { volumeCapabilities: [capabilityOf(walk.volumes.data)], parameters: { pool: walk.poolName } },
        { pool: walk.poolName },
        ({ availableCapacity }) => ({ availableCapacity: formatBytes(Number(availableCapacity)) }),
      );
      walk.screen.fact('df', `${walk.pool.path}: ${await describeSpace(walk.host, walk.pool.path)}`);
    },
  },
  {
    title: 'Create a volume',
    async run(walk) {
      await create(walk, walk.volumes.data);
      walk.screen.fact('pool image', await describeFile(walk.host, walk.pool.imageFile));
    },
  },
  { title: 'Attach it to this node', run: (walk) => attach(walk, walk.volumes.data) },
  {
    title: 'Stage it: a device of its own, mounted once on the node',
    async run(walk) {
      const { data } = walk.volumes;
      await stage(walk, data);
      for (const loop of await loopsBeneath(walk.host, walk.pool.path))
        walk.screen.fact('losetup', `${loop.path} ${loop.backingFile}`);
      walk.screen.fact('mountinfo', await describeMount(walk.host, stagedAt(data.stagingPath)));
    },
  },
  {
    title: 'Publish it to a pod: a bind mount at the pod’s path',
    async run(walk) {
      const { data } = walk.volumes;
      await publish(walk, data);
      walk.screen.fact('mountinfo', await describeMount(walk.host, data.targetPath));
      walk.screen.fact('df', await describeSpace(walk.host, data.targetPath));
    },
  },
];

/** Data into the published volume. */
export const writeSteps: readonly Step[] = [
  {
    title: 'Write files and keep their checksums',
    async run(walk) {
      await writeContents(walk, walk.volumes.data);
      walk.screen.fact('df', await describeSpace(walk.host, walk.volumes.data.targetPath));
    },
  },
];
