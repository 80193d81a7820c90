import type {
  Capability,
  NodeExpandRequest,
  PublishRequest,
  StageRequest,
  StatsRequest,
  UnpublishRequest,
  UnstageRequest,
} from '../../volumes/requests.ts';
import type { ServiceFeatures } from '../../volumes/service.ts';
import type { NodeExpandVolumeRequest__Output } from '../generated/csi/v1/NodeExpandVolumeRequest.ts';
import type { NodeGetVolumeStatsRequest__Output } from '../generated/csi/v1/NodeGetVolumeStatsRequest.ts';
import type { NodePublishVolumeRequest__Output } from '../generated/csi/v1/NodePublishVolumeRequest.ts';
import type { NodeStageVolumeRequest__Output } from '../generated/csi/v1/NodeStageVolumeRequest.ts';
import type { NodeUnpublishVolumeRequest__Output } from '../generated/csi/v1/NodeUnpublishVolumeRequest.ts';
import type { NodeUnstageVolumeRequest__Output } from '../generated/csi/v1/NodeUnstageVolumeRequest.ts';
import { optionalCapability, requiredCapability } from './capability.ts';
import { sizeRange } from './capacity.ts';
import { ephemeralWish } from './ephemeral.ts';
import { checkSecrets, requiredVolumeId, stringMap } from './fields.ts';
import { optionalPath, requiredPath, volumePath } from './paths.ts';
import { secretMountOptions } from './share-parameters.ts';

/** @param dialect that of shares takes mount options from the secret, too */
export function stage(request: NodeStageVolumeRequest__Output, dialect: ServiceFeatures['parameters']): StageRequest {
  checkSecrets(request.secrets);
  stringMap('publish_context', request.publishContext);
  const capability = requiredCapability('volume_capability', request.volumeCapability);
  return {
    volumeId: requiredVolumeId(request.volumeId),
    stagingPath: requiredPath('staging_target_path', request.stagingTargetPath),
    capability: dialect === 'shares' ? withOptions(capability, secretMountOptions(request.secrets)) : capability,
    volumeContext: stringMap('volume_context', request.volumeContext),
  };
}

function withOptions(capability: Capability, options: readonly string[]): Capability {
  const { access } = capability;
  if (access.type === 'block') return capability;
  return { ...capability, access: { ...access, mountFlags: [...access.mountFlags, ...options] } };
}

export function unstage(request: NodeUnstageVolumeRequest__Output): UnstageRequest {
  return {
    volumeId: requiredVolumeId(request.volumeId),
    stagingPath: requiredPath('staging_target_path', request.stagingTargetPath),
  };
}

export function publish(request: NodePublishVolumeRequest__Output): PublishRequest {
  checkSecrets(request.secrets);
  stringMap('publish_context', request.publishContext);
  const ephemeral = ephemeralWish('volume_context', request.volumeContext);
  return {
    volumeId: requiredVolumeId(request.volumeId),
    stagingPath: optionalPath('staging_target_path', request.stagingTargetPath),
    targetPath: requiredPath('target_path', request.targetPath),
    capability: requiredCapability('volume_capability', request.volumeCapability),
    readOnly: request.readonly,
    volumeContext: stringMap('volume_context', request.volumeContext),
    ...(ephemeral === undefined ? {} : { ephemeral }),
  };
}

export function unpublish(request: NodeUnpublishVolumeRequest__Output): UnpublishRequest {
  return {
    volumeId: requiredVolumeId(request.volumeId),
    targetPath: requiredPath('target_path', request.targetPath),
  };
}

export function stats(request: NodeGetVolumeStatsRequest__Output): StatsRequest {
  return {
    volumeId: requiredVolumeId(request.volumeId),
    stagingPath: optionalPath('staging_target_path', request.stagingTargetPath),
    volumePath: volumePath('volume_path', request.volumePath),
  };
}

export function expandOnNode(request: NodeExpandVolumeRequest__Output): NodeExpandRequest {
  checkSecrets(request.secrets);
  return {
    volumeId: requiredVolumeId(request.volumeId),
    stagingPath: optionalPath('staging_target_path', request.stagingTargetPath),
    size: sizeRange(request.capacityRange),
    capability: optionalCapability('volume_capability', request.volumeCapability),
    volumePath: volumePath('volume_path', request.volumePath),
  };
}
