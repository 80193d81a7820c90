import { dirname } from 'node:path';
import { services } from '../../csi/services.ts';
import { formatBytes } from './format.ts';
import { call, type DemoVolume, madeVolume, type Walk } from './walk.ts';

/** What a volume starts from. */
export type Source = { readonly snapshotId: string } | { readonly volumeId: string };

/** The capability that the walk asks for: XFS (a mounted ext4 grows only with CAP_SYS_RESOURCE), or raw block, written by one node. */
export function capabilityOf(volume: DemoVolume) {
  const accessMode = { mode: 'SINGLE_NODE_WRITER' } as const;
  return volume.access === 'block' ? { block: {}, accessMode } : { mount: { fsType: 'xfs' }, accessMode };
}

/** CreateVolume, empty or from a source, and remembers the answer. */
export async function create(walk: Walk, volume: DemoVolume, source?: Source): Promise<void> {
  const content =
    source === undefined
      ? undefined
      : 'snapshotId' in source
        ? { snapshot: { snapshotId: source.snapshotId } }
        : { volume: { volumeId: source.volumeId } };
  const response = await call(
    walk,
    services.controller.CreateVolume,
    {
      name: volume.name,
      capacityRange: { requiredBytes: volume.sizeBytes },
      volumeCapabilities: [capabilityOf(volume)],
      parameters: { pool: walk.poolName },
      ...(content === undefined ? {} : { volumeContentSource: content }),
    },
    { name: volume.name, size: formatBytes(volume.sizeBytes), access: volume.access, ...source },
    ({ volume: answer }) => ({ volumeId: answer?.volumeId, capacity: formatBytes(Number(answer?.capacityBytes ?? 0)) }),
  );
  if (response.volume === null) throw new Error('CreateVolume answered without a volume');
  walk.made.set(volume.name, { id: response.volume.volumeId, context: response.volume.volumeContext });
}

/** ControllerPublishVolume: attaches the volume to this node. */
export async function attach(walk: Walk, volume: DemoVolume): Promise<void> {
  const { id, context } = madeVolume(walk, volume);
  await call(
    walk,
    services.controller.ControllerPublishVolume,
    { volumeId: id, nodeId: walk.nodeId, volumeCapability: capabilityOf(volume), volumeContext: context },
    { volumeId: id, nodeId: walk.nodeId },
  );
}

/** NodeStageVolume: makes the volume usable on this node. */
export async function stage(walk: Walk, volume: DemoVolume): Promise<void> {
  const { id, context } = madeVolume(walk, volume);
  await walk.host.files.makeFolders(volume.stagingPath);
  await call(
    walk,
    services.node.NodeStageVolume,
    {
      volumeId: id,
      stagingTargetPath: volume.stagingPath,
      volumeCapability: capabilityOf(volume),
      volumeContext: context,
    },
    { volumeId: id, stagingTargetPath: volume.stagingPath },
  );
}

/** NodePublishVolume: gives it to one pod, at a path that would be in the kubelet's folder. */
export async function publish(walk: Walk, volume: DemoVolume): Promise<void> {
  const { id, context } = madeVolume(walk, volume);
  await walk.host.files.makeFolders(dirname(volume.targetPath)); // the caller's duty; the target itself is the driver's
  await call(
    walk,
    services.node.NodePublishVolume,
    {
      volumeId: id,
      stagingTargetPath: volume.stagingPath,
      targetPath: volume.targetPath,
      volumeCapability: capabilityOf(volume),
      readonly: false,
      volumeContext: context,
    },
    { volumeId: id, targetPath: volume.targetPath },
  );
}

/** Attach, stage and publish. */
export async function use(walk: Walk, volume: DemoVolume): Promise<void> {
  await attach(walk, volume);
  await stage(walk, volume);
  await publish(walk, volume);
}

/** NodeUnpublishVolume and NodeUnstageVolume. */
export async function release(walk: Walk, volume: DemoVolume): Promise<void> {
  const { id } = madeVolume(walk, volume);
  await call(
    walk,
    services.node.NodeUnpublishVolume,
    { volumeId: id, targetPath: volume.targetPath },
    { volumeId: id, targetPath: volume.targetPath },
  );
  await call(
    walk,
    services.node.NodeUnstageVolume,
    { volumeId: id, stagingTargetPath: volume.stagingPath },
    { volumeId: id, stagingTargetPath: volume.stagingPath },
  );
}

/** ControllerUnpublishVolume. */
export async function detach(walk: Walk, volume: DemoVolume): Promise<void> {
  const { id } = madeVolume(walk, volume);
  const request = { volumeId: id, nodeId: walk.nodeId };
  await call(walk, services.controller.ControllerUnpublishVolume, request, request);
}

/** DeleteVolume. */
export async function remove(walk: Walk, volume: DemoVolume): Promise<void> {
  const { id } = madeVolume(walk, volume);
  await call(walk, services.controller.DeleteVolume, { volumeId: id }, { volumeId: id });
  walk.made.delete(volume.name);
}
