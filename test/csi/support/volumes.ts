import type {
  GroupInfo,
  ServiceFeatures,
  SnapshotInfo,
  VolumeInfo,
  VolumeService,
  VolumeStatus,
} from '../../../src/volumes/service.ts';

const volume: VolumeInfo = {
  id: 'v1.volume',
  sizeBytes: 4096,
  context: { pool: 'fast' },
  topology: [{ 'topology.local.csi.stowage.dev/node': 'node-1' }],
  source: { kind: 'snapshot', id: 'v1.snapshot' },
};

const volumeStatus: VolumeStatus = {
  volume,
  publishedNodeIds: ['node-1'],
  condition: { abnormal: false, message: 'all is well' },
};

const snapshot: SnapshotInfo = {
  id: 'v1.snapshot',
  sourceVolumeId: volume.id,
  sizeBytes: 4096,
  createdAt: new Date('2026-11-21T08:00:00.250Z'),
  ready: true,
  groupId: undefined,
};

const group: GroupInfo = { id: 'v1.group', snapshots: [snapshot], createdAt: snapshot.createdAt, ready: true };

export const ALL_FEATURES: ServiceFeatures = {
  parameters: 'pools',
  controllerExpansion: true,
  modify: true,
  groupSnapshots: true,
  snapshots: true,
  clones: true,
  expansion: true,
};

/** A domain that does nothing and answers at once, except for what `changes` says. */
export function fakeVolumes(changes: Partial<VolumeService> = {}): VolumeService {
  return {
    features: ALL_FEATURES,
    ready: () => ({ ready: true }),
    createVolume: async () => volume,
    deleteVolume: async () => undefined,
    getVolume: async () => volumeStatus,
    listVolumes: async () => ({ entries: [volumeStatus], nextToken: 'next' }),
    validateVolume: async () => ({ confirmed: true }),
    expandVolume: async ({ size }) => ({ sizeBytes: size.requiredBytes, nodeExpansionRequired: true }),
    modifyVolume: async () => undefined,
    capacity: async () => ({ availableBytes: 1024, minimumVolumeBytes: 512 }),
    attach: async () => ({ attached: 'yes' }),
    detach: async () => undefined,
    createSnapshot: async () => snapshot,
    deleteSnapshot: async () => undefined,
    getSnapshot: async () => snapshot,
    listSnapshots: async () => ({ entries: [snapshot], nextToken: undefined }),
    createGroup: async () => group,
    deleteGroup: async () => undefined,
    getGroup: async () => group,
    stage: async () => undefined,
    unstage: async () => undefined,
    publish: async () => undefined,
    unpublish: async () => undefined,
    stats: async () => ({
      usage: {
        bytes: { total: 100, used: 40, available: 60 },
        inodes: { total: 10, used: 4, available: 6 },
      },
      condition: { abnormal: false, message: 'all is well' },
    }),
    expandOnNode: async ({ size }) => size.requiredBytes,
    nodeInfo: () => ({
      nodeId: 'node-1',
      maxVolumes: 30,
      topology: { 'topology.local.csi.stowage.dev/node': 'node-1' },
    }),
    ...changes,
  };
}
