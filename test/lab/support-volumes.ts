import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { services } from '../../src/csi/services.ts';
import type { LabServer } from './support-nfs.ts';
import { addressForNodes, type LabNode } from './support-nodes.ts';

/** A volume of share mode, as CreateVolume answered it. */
export interface LabVolume {
  readonly name: string;
  readonly id: string;
  readonly context: Readonly<Record<string, string>>;
  readonly mountFlags: readonly string[];
}

const MIB = 1024 ** 2;
const { controller, node: nodeService } = services;

export const volumeCapability = (mountFlags: readonly string[]) => ({
  mount: { mountFlags: [...mountFlags] },
  accessMode: { mode: 'MULTI_NODE_MULTI_WRITER' as const },
});

/** The request for a volume on a server of the lab. NFS 3 has the server's own paths, NFS 4 those beneath the exported root. */
export function createRequest(name: string, server: LabServer, mountFlags: readonly string[]) {
  const share = mountFlags.includes('vers=3') ? server.folder : '/';
  return {
    name,
    capacityRange: { requiredBytes: MIB },
    volumeCapabilities: [volumeCapability(mountFlags)],
    parameters: { server: addressForNodes(server), share },
  };
}

export async function created(
  on: LabNode,
  name: string,
  server: LabServer,
  mountFlags: readonly string[] = ['vers=4.2'],
): Promise<LabVolume> {
  const { volume } = await on.call(controller.CreateVolume, createRequest(name, server, mountFlags));
  if (volume === null) throw new Error('CreateVolume answered without a volume');
  return { name, id: volume.volumeId, context: volume.volumeContext, mountFlags };
}

export function stagingPath({ folder }: LabNode, { name }: Pick<LabVolume, 'name'>): string {
  return join(folder, 'kubelet', name, 'staging');
}

/** Where a pod on this node has the volume. */
export function targetPath({ folder }: LabNode, { name }: Pick<LabVolume, 'name'>): string {
  return join(folder, 'kubelet', name, 'pod', 'target');
}

interface Options {
  readonly timeoutMs?: number;
}

export async function stage(on: LabNode, volume: LabVolume, options: Options = {}): Promise<void> {
  const stagingTargetPath = stagingPath(on, volume);
  await mkdir(stagingTargetPath, { recursive: true });
  await on.call(nodeService.NodeStageVolume, { ...common(volume), stagingTargetPath }, options);
}

export async function publish(on: LabNode, volume: LabVolume, options: Options = {}): Promise<void> {
  const paths = { stagingTargetPath: stagingPath(on, volume), targetPath: targetPath(on, volume) };
  await mkdir(join(paths.targetPath, '..'), { recursive: true });
  await on.call(nodeService.NodePublishVolume, { ...common(volume), ...paths }, options);
}

export async function unpublish(on: LabNode, volume: LabVolume, options: Options = {}): Promise<void> {
  const request = { volumeId: volume.id, targetPath: targetPath(on, volume) };
  await on.call(nodeService.NodeUnpublishVolume, request, options);
}

export async function unstage(on: LabNode, volume: LabVolume, options: Options = {}): Promise<void> {
  const request = { volumeId: volume.id, stagingTargetPath: stagingPath(on, volume) };
  await on.call(nodeService.NodeUnstageVolume, request, options);
}

export async function statsOf(on: LabNode, volume: LabVolume, options: Options = {}) {
  const request = { volumeId: volume.id, volumePath: targetPath(on, volume) };
  return on.call(nodeService.NodeGetVolumeStats, request, options);
}

export async function remove(on: LabNode, { id }: LabVolume, options: Options = {}): Promise<void> {
  await on.call(controller.DeleteVolume, { volumeId: id }, options);
}

function common({ id, context, mountFlags }: LabVolume) {
  return { volumeId: id, volumeContext: context, volumeCapability: volumeCapability(mountFlags) };
}
