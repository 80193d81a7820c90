import type { VolumeService } from '../volumes/service.ts';
import type { _csi_v1_NodeServiceCapability_RPC_Type as Capability } from './generated/csi/v1/NodeServiceCapability.ts';
import type { ServiceHandlers } from './handlers.ts';
import { conditionMessage, usageMessages } from './responses.ts';
import * as requests from './validate/node.ts';

const ALWAYS: readonly Capability[] = [
  'STAGE_UNSTAGE_VOLUME',
  'GET_VOLUME_STATS',
  'VOLUME_CONDITION',
  'SINGLE_NODE_MULTI_WRITER',
];

/** CSI's Node service: each RPC checks its request, calls one operation of the domain and maps its result. */
export function createNode(volumes: VolumeService): ServiceHandlers<'node'> {
  return {
    NodeStageVolume: async (request, { signal }) => {
      await volumes.stage(requests.stage(request, volumes.features.parameters), signal);
      return {};
    },
    NodeUnstageVolume: async (request, { signal }) => {
      await volumes.unstage(requests.unstage(request), signal);
      return {};
    },
    NodePublishVolume: async (request, { signal }) => {
      await volumes.publish(requests.publish(request), signal);
      return {};
    },
    NodeUnpublishVolume: async (request, { signal }) => {
      await volumes.unpublish(requests.unpublish(request), signal);
      return {};
    },
    NodeGetVolumeStats: async (request, { signal }) => {
      const stats = await volumes.stats(requests.stats(request), signal);
      return { usage: usageMessages(stats), volumeCondition: conditionMessage(stats.condition) };
    },
    NodeExpandVolume: async (request, { signal }) => ({
      capacityBytes: await volumes.expandOnNode(requests.expandOnNode(request), signal),
    }),
    NodeGetCapabilities: async () => {
      const types: Capability[] = volumes.features.expansion ? [...ALWAYS, 'EXPAND_VOLUME'] : [...ALWAYS];
      return { capabilities: types.map((type) => ({ rpc: { type } })) };
    },
    NodeGetInfo: async () => {
      const { nodeId, maxVolumes, topology } = volumes.nodeInfo();
      return {
        nodeId,
        maxVolumesPerNode: maxVolumes,
        accessibleTopology: topology === undefined ? null : { segments: topology },
      };
    },
  };
}
