import type { Condition, GroupInfo, SnapshotInfo, Stats, VolumeInfo, VolumeStatus } from '../volumes/service.ts';
import type { Snapshot } from './generated/csi/v1/Snapshot.ts';
import type { Volume } from './generated/csi/v1/Volume.ts';
import type { VolumeCondition } from './generated/csi/v1/VolumeCondition.ts';
import type { VolumeGroupSnapshot } from './generated/csi/v1/VolumeGroupSnapshot.ts';
import type { VolumeUsage } from './generated/csi/v1/VolumeUsage.ts';
import type { Timestamp } from './generated/google/protobuf/Timestamp.ts';

/** The domain's results as CSI's messages. */
export function volumeMessage({ id, sizeBytes, context, topology, source }: VolumeInfo): Volume {
  return {
    volumeId: id,
    capacityBytes: sizeBytes,
    volumeContext: { ...context },
    accessibleTopology: topology.map((segments) => ({ segments })),
    contentSource:
      source === undefined
        ? null
        : source.kind === 'snapshot'
          ? { snapshot: { snapshotId: source.id } }
          : { volume: { volumeId: source.id } },
  };
}

export function volumeStatusMessage({ volume, publishedNodeIds, condition }: VolumeStatus) {
  return {
    volume: volumeMessage(volume),
    status: { publishedNodeIds: [...publishedNodeIds], volumeCondition: conditionMessage(condition) },
  };
}

export function conditionMessage({ abnormal, message }: Condition): VolumeCondition {
  return { abnormal, message };
}

export function snapshotMessage(snapshot: SnapshotInfo): Snapshot {
  return {
    snapshotId: snapshot.id,
    sourceVolumeId: snapshot.sourceVolumeId,
    sizeBytes: snapshot.sizeBytes,
    creationTime: timestamp(snapshot.createdAt),
    readyToUse: snapshot.ready,
    groupSnapshotId: snapshot.groupId ?? '',
  };
}

export function groupMessage(group: GroupInfo): VolumeGroupSnapshot {
  return {
    groupSnapshotId: group.id,
    snapshots: group.snapshots.map(snapshotMessage),
    creationTime: timestamp(group.createdAt),
    readyToUse: group.ready,
  };
}

export function usageMessages({ usage }: Stats): VolumeUsage[] {
  if (usage === undefined) return [];
  const bytes: VolumeUsage = { unit: 'BYTES', ...usage.bytes };
  return usage.inodes === undefined ? [bytes] : [bytes, { unit: 'INODES', ...usage.inodes }];
}

function timestamp(date: Date): Timestamp {
  const ms = date.getTime();
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: (ms - seconds * 1000) * 1_000_000 };
}
