import type { VolumeService } from '../volumes/service.ts';
import type { ServiceHandlers } from './handlers.ts';
import { groupMessage } from './responses.ts';
import * as requests from './validate/snapshots.ts';

/** CSI's GroupController service: snapshots of several volumes at one moment. */
export function createGroupController(volumes: VolumeService): ServiceHandlers<'groupController'> {
  return {
    GroupControllerGetCapabilities: async () => ({
      capabilities: [{ rpc: { type: 'CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT' } }],
    }),
    CreateVolumeGroupSnapshot: async (request, { signal }) => ({
      groupSnapshot: groupMessage(await volumes.createGroup(requests.createGroup(request), signal)),
    }),
    DeleteVolumeGroupSnapshot: async (request, { signal }) => {
      await volumes.deleteGroup(requests.oneGroup(request), signal);
      return {};
    },
    GetVolumeGroupSnapshot: async (request, { signal }) => ({
      groupSnapshot: groupMessage(await volumes.getGroup(requests.oneGroup(request), signal)),
    }),
  };
}
