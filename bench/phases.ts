import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CsiClient } from '../src/csi/client.ts';
import { services } from '../src/csi/services.ts';

/** A driver under load. */
export interface Subject {
  readonly name: string;
  readonly client: CsiClient;
  readonly nodeId: string;
  readonly kubeletFolder: string; // staging and target paths
  readonly parameters: Readonly<Record<string, string>>; // of CreateVolume
  readonly pid: number | undefined; // unknown for a foreign driver
}

/** A volume of one round; what CreateVolume and CreateSnapshot answer is filled in. */
export interface LoadVolume {
  readonly name: string;
  readonly stagingPath: string;
  readonly targetPath: string;
  id: string;
  context: Readonly<Record<string, string>>;
  snapshotId: string;
}

/** One RPC of a volume's life. */
export interface Phase {
  readonly name: string;
  readonly call: (subject: Subject, volume: LoadVolume) => Promise<unknown>;
}

export const VOLUME_BYTES = 1024 ** 2;

/** Kubernetes' usual capability: a file system of the driver's choice. */
export const CAPABILITY = { mount: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' } } as const;

const { controller, identity, node } = services;

/** In the order of a volume's life, so that one after another leaves nothing. */
export const PHASES: readonly Phase[] = [
  { name: 'Probe', call: ({ client }) => client.call(identity.Probe, {}) },
  { name: 'CreateVolume', call: createVolume },
  {
    name: 'ControllerPublishVolume',
    call: ({ client, nodeId }, { id, context }) =>
      client.call(controller.ControllerPublishVolume, {
        volumeId: id,
        nodeId,
        volumeCapability: CAPABILITY,
        volumeContext: context,
      }),
  },
  {
    name: 'NodeStageVolume',
    call: ({ client }, { id, context, stagingPath }) =>
      client.call(node.NodeStageVolume, {
        volumeId: id,
        stagingTargetPath: stagingPath,
        volumeCapability: CAPABILITY,
        volumeContext: context,
      }),
  },
  {
    name: 'NodePublishVolume',
    call: ({ client }, { id, context, stagingPath, targetPath }) =>
      client.call(node.NodePublishVolume, {
        volumeId: id,
        stagingTargetPath: stagingPath,
        targetPath,
        volumeCapability: CAPABILITY,
        volumeContext: context,
      }),
  },
  {
    name: 'NodeGetVolumeStats',
    call: ({ client }, { id, targetPath, stagingPath }) =>
      client.call(node.NodeGetVolumeStats, { volumeId: id, volumePath: targetPath, stagingTargetPath: stagingPath }),
  },
  { name: 'ListVolumes, 100 entries', call: ({ client }) => client.call(controller.ListVolumes, { maxEntries: 100 }) },
  {
    name: 'CreateSnapshot, empty volume',
    async call({ client }, volume) {
      const { snapshot } = await client.call(controller.CreateSnapshot, {
        name: `${volume.name}-snapshot`,
        sourceVolumeId: volume.id,
      });
      volume.snapshotId = snapshot?.snapshotId ?? '';
    },
  },
  {
    name: 'DeleteSnapshot',
    call: ({ client }, { snapshotId }) => client.call(controller.DeleteSnapshot, { snapshotId }),
  },
  {
    name: 'ControllerExpandVolume',
    call: ({ client }, { id }) =>
      client.call(controller.ControllerExpandVolume, {
        volumeId: id,
        capacityRange: { requiredBytes: 2 * VOLUME_BYTES },
        volumeCapability: CAPABILITY,
      }),
  },
  {
    name: 'NodeUnpublishVolume',
    call: ({ client }, { id, targetPath }) => client.call(node.NodeUnpublishVolume, { volumeId: id, targetPath }),
  },
  {
    name: 'NodeUnstageVolume',
    call: ({ client }, { id, stagingPath }) =>
      client.call(node.NodeUnstageVolume, { volumeId: id, stagingTargetPath: stagingPath }),
  },
  {
    name: 'ControllerUnpublishVolume',
    call: ({ client, nodeId }, { id }) => client.call(controller.ControllerUnpublishVolume, { volumeId: id, nodeId }),
  },
  { name: 'DeleteVolume', call: ({ client }, { id }) => client.call(controller.DeleteVolume, { volumeId: id }) },
];

/** CreateVolume, and what it answered into the volume. */
export async function createVolume({ client, parameters }: Subject, volume: LoadVolume): Promise<void> {
  const response = await client.call(controller.CreateVolume, {
    name: volume.name,
    capacityRange: { requiredBytes: VOLUME_BYTES },
    volumeCapabilities: [CAPABILITY],
    parameters,
  });
  if (response.volume === null) throw new Error('CreateVolume answered without a volume');
  volume.id = response.volume.volumeId;
  volume.context = response.volume.volumeContext;
}

/** A volume that is not created yet; the folders that its caller owes to the driver are made where `withFolders`. */
export async function newVolume(subject: Subject, name: string, withFolders: boolean): Promise<LoadVolume> {
  const stagingPath = join(subject.kubeletFolder, name, 'staging');
  const targetPath = join(subject.kubeletFolder, name, 'pod', 'target');
  if (withFolders) {
    await mkdir(stagingPath, { recursive: true });
    await mkdir(dirname(targetPath), { recursive: true });
  }
  return { name, stagingPath, targetPath, id: '', context: {}, snapshotId: '' };
}
