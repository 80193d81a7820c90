import type {
  AttachRequest,
  Capability,
  CapacityRequest,
  ContentSource,
  CreateVolumeRequest,
  DetachRequest,
  ExpandRequest,
  ModifyRequest,
  Page,
  ValidateRequest,
  VolumeRequest,
} from '../../volumes/requests.ts';
import type { ServiceFeatures } from '../../volumes/service.ts';
import type { ControllerExpandVolumeRequest__Output } from '../generated/csi/v1/ControllerExpandVolumeRequest.ts';
import type { ControllerGetVolumeRequest__Output } from '../generated/csi/v1/ControllerGetVolumeRequest.ts';
import type { ControllerModifyVolumeRequest__Output } from '../generated/csi/v1/ControllerModifyVolumeRequest.ts';
import type { ControllerPublishVolumeRequest__Output } from '../generated/csi/v1/ControllerPublishVolumeRequest.ts';
import type { ControllerUnpublishVolumeRequest__Output } from '../generated/csi/v1/ControllerUnpublishVolumeRequest.ts';
import type { CreateVolumeRequest__Output } from '../generated/csi/v1/CreateVolumeRequest.ts';
import type { DeleteVolumeRequest__Output } from '../generated/csi/v1/DeleteVolumeRequest.ts';
import type { GetCapacityRequest__Output } from '../generated/csi/v1/GetCapacityRequest.ts';
import type { ListVolumesRequest__Output } from '../generated/csi/v1/ListVolumesRequest.ts';
import type { ValidateVolumeCapabilitiesRequest__Output } from '../generated/csi/v1/ValidateVolumeCapabilitiesRequest.ts';
import type { VolumeContentSource__Output } from '../generated/csi/v1/VolumeContentSource.ts';
import {
  capabilities,
  checkOneAccessType,
  optionalCapability,
  requiredCapabilities,
  requiredCapability,
} from './capability.ts';
import { requiredSizeRange, sizeRange } from './capacity.ts';
import { checkSecrets, invalid, optional, required, requiredVolumeId, stringMap, suggestedName } from './fields.ts';
import { mutableParameters, volumeParameters } from './parameters.ts';
import { shareParameters } from './share-parameters.ts';
import { optionalTopology, requisiteOf } from './topology.ts';

/** csi.proto, NodeGetInfoResponse.node_id overrides the general limit. */
const MAX_NODE_ID_BYTES = 256;

type Strings = Readonly<Record<string, string>>;

/** Whether a driver's parameters name pools or shares. */
type Dialect = ServiceFeatures['parameters'];

function parametersOf(
  dialect: Dialect,
  request: { parameters: Strings; secrets?: Strings },
  list: readonly Capability[],
) {
  return dialect === 'shares'
    ? shareParameters('parameters', request.parameters, { capabilities: list, secrets: request.secrets ?? {} })
    : volumeParameters('parameters', request.parameters);
}

export function createVolume(request: CreateVolumeRequest__Output, dialect: Dialect): CreateVolumeRequest {
  checkSecrets(request.secrets);
  const list = requiredCapabilities('volume_capabilities', request.volumeCapabilities);
  checkOneAccessType('volume_capabilities', list);
  return {
    name: suggestedName('name', request.name),
    size: sizeRange(request.capacityRange),
    capabilities: list,
    parameters: parametersOf(dialect, request, list),
    mutableParameters: mutableParameters('mutable_parameters', request.mutableParameters),
    source: contentSource('volume_content_source', request.volumeContentSource),
    requisite: requisiteOf('accessibility_requirements', request.accessibilityRequirements),
  };
}

export function deleteVolume(request: DeleteVolumeRequest__Output): VolumeRequest {
  checkSecrets(request.secrets);
  return { volumeId: requiredVolumeId(request.volumeId) };
}

export function getVolume(request: ControllerGetVolumeRequest__Output): VolumeRequest {
  return { volumeId: requiredVolumeId(request.volumeId) };
}

export function attach(request: ControllerPublishVolumeRequest__Output): AttachRequest {
  checkSecrets(request.secrets);
  return {
    volumeId: requiredVolumeId(request.volumeId),
    nodeId: required('node_id', request.nodeId, MAX_NODE_ID_BYTES),
    capability: requiredCapability('volume_capability', request.volumeCapability),
    readOnly: request.readonly,
    volumeContext: stringMap('volume_context', request.volumeContext),
  };
}

export function detach(request: ControllerUnpublishVolumeRequest__Output): DetachRequest {
  checkSecrets(request.secrets);
  return {
    volumeId: requiredVolumeId(request.volumeId),
    nodeId: optional('node_id', request.nodeId, MAX_NODE_ID_BYTES),
  };
}

/** One that wants block and mount is well formed: no volume confirms it. */
export function validateVolume(request: ValidateVolumeCapabilitiesRequest__Output, dialect: Dialect): ValidateRequest {
  checkSecrets(request.secrets);
  const list = requiredCapabilities('volume_capabilities', request.volumeCapabilities);
  return {
    volumeId: requiredVolumeId(request.volumeId),
    volumeContext: stringMap('volume_context', request.volumeContext),
    capabilities: list,
    parameters: parametersOf(dialect, request, list),
    mutableParameters: mutableParameters('mutable_parameters', request.mutableParameters),
  };
}

export function listVolumes(request: ListVolumesRequest__Output): Page {
  return page(request);
}

export function capacity(request: GetCapacityRequest__Output, dialect: Dialect): CapacityRequest {
  const list = capabilities('volume_capabilities', request.volumeCapabilities);
  checkOneAccessType('volume_capabilities', list);
  return {
    capabilities: list,
    parameters: parametersOf(dialect, request, list),
    topology: optionalTopology('accessible_topology', request.accessibleTopology),
  };
}

export function expandVolume(request: ControllerExpandVolumeRequest__Output): ExpandRequest {
  checkSecrets(request.secrets);
  return {
    volumeId: requiredVolumeId(request.volumeId),
    size: requiredSizeRange(request.capacityRange),
    capability: optionalCapability('volume_capability', request.volumeCapability),
  };
}

export function modifyVolume(request: ControllerModifyVolumeRequest__Output): ModifyRequest {
  checkSecrets(request.secrets);
  const volumeId = requiredVolumeId(request.volumeId);
  if (Object.keys(request.mutableParameters).length === 0) throw invalid('mutable_parameters', 'is required and empty');
  return { volumeId, mutableParameters: mutableParameters('mutable_parameters', request.mutableParameters) };
}

/** Where a list begins and how long it may be. The token is checked by the domain, since a bad one is ABORTED. */
export function page(request: { readonly maxEntries: number; readonly startingToken: string }): Page {
  if (request.maxEntries < 0) throw invalid('max_entries', 'is negative');
  return { maxEntries: request.maxEntries, startingToken: optional('starting_token', request.startingToken) };
}

function contentSource(field: string, source: VolumeContentSource__Output | null): ContentSource | undefined {
  if (source === null) return undefined;
  const { snapshot, volume } = source;
  if (snapshot) return { kind: 'snapshot', id: required(`${field}.snapshot.snapshot_id`, snapshot.snapshotId) };
  if (volume) return { kind: 'volume', id: required(`${field}.volume.volume_id`, volume.volumeId) };
  throw invalid(`${field}.type`, 'is required and missing: neither snapshot nor volume');
}
