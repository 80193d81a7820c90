import type {
  CreateGroupRequest,
  CreateSnapshotRequest,
  GroupRequest,
  ListSnapshotsRequest,
  SnapshotRequest,
} from '../../volumes/requests.ts';
import type { CreateSnapshotRequest__Output } from '../generated/csi/v1/CreateSnapshotRequest.ts';
import type { CreateVolumeGroupSnapshotRequest__Output } from '../generated/csi/v1/CreateVolumeGroupSnapshotRequest.ts';
import type { DeleteSnapshotRequest__Output } from '../generated/csi/v1/DeleteSnapshotRequest.ts';
import type { DeleteVolumeGroupSnapshotRequest__Output } from '../generated/csi/v1/DeleteVolumeGroupSnapshotRequest.ts';
import type { GetSnapshotRequest__Output } from '../generated/csi/v1/GetSnapshotRequest.ts';
import type { GetVolumeGroupSnapshotRequest__Output } from '../generated/csi/v1/GetVolumeGroupSnapshotRequest.ts';
import type { ListSnapshotsRequest__Output } from '../generated/csi/v1/ListSnapshotsRequest.ts';
import { checkSecrets, optional, required, requiredIds, suggestedName, uniqueIds } from './fields.ts';
import { checkNoParameters } from './parameters.ts';
import { page } from './volumes.ts';

export function createSnapshot(request: CreateSnapshotRequest__Output): CreateSnapshotRequest {
  checkSecrets(request.secrets);
  checkNoParameters('parameters', request.parameters);
  return {
    name: suggestedName('name', request.name),
    sourceVolumeId: required('source_volume_id', request.sourceVolumeId),
  };
}

export function oneSnapshot(request: DeleteSnapshotRequest__Output | GetSnapshotRequest__Output): SnapshotRequest {
  checkSecrets(request.secrets);
  return { snapshotId: required('snapshot_id', request.snapshotId) };
}

export function listSnapshots(request: ListSnapshotsRequest__Output): ListSnapshotsRequest {
  checkSecrets(request.secrets);
  return {
    page: page(request),
    sourceVolumeId: optional('source_volume_id', request.sourceVolumeId),
    snapshotId: optional('snapshot_id', request.snapshotId),
  };
}

export function createGroup(request: CreateVolumeGroupSnapshotRequest__Output): CreateGroupRequest {
  checkSecrets(request.secrets);
  checkNoParameters('parameters', request.parameters);
  return {
    name: suggestedName('name', request.name),
    sourceVolumeIds: requiredIds('source_volume_ids', request.sourceVolumeIds),
  };
}

export function oneGroup(
  request: DeleteVolumeGroupSnapshotRequest__Output | GetVolumeGroupSnapshotRequest__Output,
): GroupRequest {
  checkSecrets(request.secrets);
  return {
    groupId: required('group_snapshot_id', request.groupSnapshotId),
    // Required of groups that exist, which the domain knows.
    snapshotIds: uniqueIds('snapshot_ids', request.snapshotIds),
  };
}
