import type { ServiceFeatures, VolumeService } from '../volumes/service.ts';
import type { _csi_v1_ControllerServiceCapability_RPC_Type as Capability } from './generated/csi/v1/ControllerServiceCapability.ts';
import type { Handlers } from './handlers.ts';
import { snapshotMessage, volumeMessage, volumeStatusMessage } from './responses.ts';
import * as snapshotRequests from './validate/snapshots.ts';
import * as requests from './validate/volumes.ts';

type Controller = Handlers['controller'];

/** CSI's Controller service: each RPC checks its request, calls one operation of the domain and maps its result. */
export function createController(volumes: VolumeService): Controller {
  return { ...volumeHandlers(volumes), ...snapshotHandlers(volumes), ...optionalHandlers(volumes) };
}

function volumeHandlers(volumes: VolumeService) {
  const { parameters } = volumes.features;
  return {
    CreateVolume: async (request, { signal }) => ({
      volume: volumeMessage(await volumes.createVolume(requests.createVolume(request, parameters), signal)),
    }),
    DeleteVolume: async (request, { signal }) => {
      await volumes.deleteVolume(requests.deleteVolume(request), signal);
      return {};
    },
    ControllerPublishVolume: async (request, { signal }) => ({
      publishContext: { ...(await volumes.attach(requests.attach(request), signal)) },
    }),
    ControllerUnpublishVolume: async (request, { signal }) => {
      await volumes.detach(requests.detach(request), signal);
      return {};
    },
    ValidateVolumeCapabilities: async (request, { signal }) => {
      const validation = await volumes.validateVolume(requests.validateVolume(request, parameters), signal);
      if (!validation.confirmed) return { message: validation.reason };
      const { volumeContext, volumeCapabilities, mutableParameters } = request;
      return { confirmed: { volumeContext, volumeCapabilities, parameters: request.parameters, mutableParameters } };
    },
    ListVolumes: async (request, { signal }) => {
      const { entries, nextToken } = await volumes.listVolumes(requests.listVolumes(request), signal);
      return { entries: entries.map(volumeStatusMessage), nextToken: nextToken ?? '' };
    },
    ControllerGetVolume: async (request, { signal }) =>
      volumeStatusMessage(await volumes.getVolume(requests.getVolume(request), signal)),
    GetCapacity: async (request, { signal }) => {
      const capacity = await volumes.capacity(requests.capacity(request, parameters), signal);
      return {
        availableCapacity: capacity.availableBytes,
        maximumVolumeSize: wrapped(capacity.maximumVolumeBytes),
        minimumVolumeSize: wrapped(capacity.minimumVolumeBytes),
      };
    },
    ControllerGetCapabilities: async () => ({
      capabilities: capabilitiesOf(volumes.features).map((type) => ({ rpc: { type } })),
    }),
  } satisfies Partial<Controller>;
}

function snapshotHandlers(volumes: VolumeService) {
  return {
    CreateSnapshot: async (request, { signal }) => ({
      snapshot: snapshotMessage(await volumes.createSnapshot(snapshotRequests.createSnapshot(request), signal)),
    }),
    DeleteSnapshot: async (request, { signal }) => {
      await volumes.deleteSnapshot(snapshotRequests.oneSnapshot(request), signal);
      return {};
    },
    GetSnapshot: async (request, { signal }) => ({
      snapshot: snapshotMessage(await volumes.getSnapshot(snapshotRequests.oneSnapshot(request), signal)),
    }),
    ListSnapshots: async (request, { signal }) => {
      const { entries, nextToken } = await volumes.listSnapshots(snapshotRequests.listSnapshots(request), signal);
      return { entries: entries.map((entry) => ({ snapshot: snapshotMessage(entry) })), nextToken: nextToken ?? '' };
    },
  } satisfies Partial<Controller>;
}

/** RPCs that the configuration may switch off. */
function optionalHandlers(volumes: VolumeService) {
  const { controllerExpansion, modify } = volumes.features;
  const expand = {
    ControllerExpandVolume: async (request, { signal }) => {
      const { sizeBytes, nodeExpansionRequired } = await volumes.expandVolume(requests.expandVolume(request), signal);
      return { capacityBytes: sizeBytes, nodeExpansionRequired };
    },
  } satisfies Partial<Controller>;
  const change = {
    ControllerModifyVolume: async (request, { signal }) => {
      await volumes.modifyVolume(requests.modifyVolume(request), signal);
      return {};
    },
  } satisfies Partial<Controller>;
  return { ...(controllerExpansion ? expand : {}), ...(modify ? change : {}) };
}

function capabilitiesOf(features: ServiceFeatures): Capability[] {
  const { controllerExpansion, modify, snapshots, clones } = features;
  return [
    'CREATE_DELETE_VOLUME',
    'PUBLISH_UNPUBLISH_VOLUME',
    'LIST_VOLUMES',
    'GET_CAPACITY',
    'PUBLISH_READONLY',
    'LIST_VOLUMES_PUBLISHED_NODES',
    'VOLUME_CONDITION',
    'GET_VOLUME',
    'SINGLE_NODE_MULTI_WRITER',
    ...(snapshots ? (['CREATE_DELETE_SNAPSHOT', 'LIST_SNAPSHOTS', 'GET_SNAPSHOT'] as const) : []),
    ...(clones ? (['CLONE_VOLUME'] as const) : []),
    ...(controllerExpansion ? (['EXPAND_VOLUME'] as const) : []),
    ...(modify ? (['MODIFY_VOLUME'] as const) : []),
  ];
}

function wrapped(bytes: number | undefined) {
  return bytes === undefined ? null : { value: bytes };
}
