import { join } from 'node:path';
import type { VolumeCapability } from '../../src/csi/generated/csi/v1/VolumeCapability.ts';
import { services } from '../../src/csi/services.ts';
import type { Csi } from './in-process.ts';

/** The calls of the scenarios, with what never varies filled in. Paths follow from a volume's name, so that a retry uses the same. */

export const NODE_ID = 'node-1';
export const MIB = 1024 ** 2;

/** How a volume is used: a file system of its own, a raw block device, or a folder. */
export type Kind = 'xfs' | 'block' | 'folder';

/** Raw block: an extent of LVM, so that it gives as much as was asked for. */
export const SIZE_BYTES: Readonly<Record<Kind, number>> = { xfs: 300 * MIB, block: 4 * MIB, folder: MIB };

/** Where volumes of that name are staged and published. */
export function pathsOf(work: string, name: string): { readonly staging: string; readonly target: string } {
  return { staging: join(work, 'staging', name), target: join(work, 'targets', name) };
}

export function capability(
  kind: Kind,
  mode: 'SINGLE_NODE_WRITER' | 'MULTI_NODE_MULTI_WRITER' = 'SINGLE_NODE_WRITER',
): VolumeCapability {
  const accessMode = { mode };
  return kind === 'block' ? { block: {}, accessMode } : { mount: { fsType: kind === 'xfs' ? 'xfs' : '' }, accessMode };
}

export interface Wanted {
  readonly name: string;
  readonly kind: Kind;
  readonly onDelete?: string;
  /** Further parameters. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly fromVolume?: string;
  readonly fromSnapshot?: string;
}

/** @returns the volume's id */
export async function createVolume(csi: Csi, wanted: Wanted): Promise<string> {
  return (await createVolumeAnswer(csi, wanted)).volumeId;
}

/** @returns what a retry must answer again */
export async function createVolumeAnswer(
  csi: Csi,
  { name, kind, onDelete, parameters = {}, fromVolume, fromSnapshot }: Wanted,
): Promise<{ readonly volumeId: string; readonly sizeBytes: number }> {
  const { volume } = await csi.call(services.controller.CreateVolume, {
    name,
    capacityRange: { requiredBytes: SIZE_BYTES[kind] },
    volumeCapabilities: [capability(kind)],
    parameters: { ...csi.share?.parameters, ...parameters, ...(onDelete === undefined ? {} : { onDelete }) },
    ...(fromVolume === undefined ? {} : { volumeContentSource: { volume: { volumeId: fromVolume } } }),
    ...(fromSnapshot === undefined ? {} : { volumeContentSource: { snapshot: { snapshotId: fromSnapshot } } }),
  });
  if (volume === null) throw new Error(`CreateVolume ${name} answered no volume`);
  return { volumeId: volume.volumeId, sizeBytes: Number(volume.capacityBytes) };
}

export async function deleteVolume(csi: Csi, volumeId: string): Promise<void> {
  await csi.call(services.controller.DeleteVolume, { volumeId });
}

export interface SnapshotAnswer {
  readonly snapshotId: string;
  readonly sourceVolumeId: string;
  readonly sizeBytes: number;
  readonly createdAt: string;
  readonly ready: boolean;
}

/** @returns what a retry must answer again */
export async function createSnapshot(csi: Csi, name: string, sourceVolumeId: string): Promise<SnapshotAnswer> {
  const { snapshot } = await csi.call(services.controller.CreateSnapshot, { name, sourceVolumeId });
  if (snapshot === null) throw new Error(`CreateSnapshot ${name} answered no snapshot`);
  return {
    snapshotId: snapshot.snapshotId,
    sourceVolumeId: snapshot.sourceVolumeId,
    sizeBytes: Number(snapshot.sizeBytes),
    createdAt: `${snapshot.creationTime?.seconds}.${snapshot.creationTime?.nanos}`,
    ready: snapshot.readyToUse,
  };
}

export async function deleteSnapshot(csi: Csi, snapshotId: string): Promise<void> {
  await csi.call(services.controller.DeleteSnapshot, { snapshotId });
}

export interface GroupAnswer {
  readonly groupSnapshotId: string;
  readonly snapshotIds: readonly string[];
  readonly ready: boolean;
}

/** @returns what a retry must answer again */
export async function createGroup(csi: Csi, name: string, sourceVolumeIds: string[]): Promise<GroupAnswer> {
  const { groupSnapshot: group } = await csi.call(services.groupController.CreateVolumeGroupSnapshot, {
    name,
    sourceVolumeIds,
  });
  if (group === null) throw new Error(`CreateVolumeGroupSnapshot ${name} answered no group`);
  const snapshotIds = group.snapshots.map(({ snapshotId }) => snapshotId).sort();
  return { groupSnapshotId: group.groupSnapshotId, snapshotIds, ready: group.readyToUse };
}

export async function deleteGroup(csi: Csi, groupSnapshotId: string, snapshotIds: readonly string[]): Promise<void> {
  await csi.call(services.groupController.DeleteVolumeGroupSnapshot, {
    groupSnapshotId,
    snapshotIds: [...snapshotIds],
  });
}

/** A volume that exists, and all that a node call on it needs. */
export interface Target {
  readonly work: string;
  readonly name: string;
  readonly kind: Kind;
  readonly volumeId: string;
}

export async function stage(csi: Csi, { work, name, kind, volumeId }: Target): Promise<void> {
  const stagingTargetPath = pathsOf(work, name).staging;
  const volumeContext = (await csi.share?.contextOf(name)) ?? {};
  const request = { volumeId, stagingTargetPath, volumeCapability: capability(kind), volumeContext };
  await csi.call(services.node.NodeStageVolume, request);
}

export async function unstage(csi: Csi, { work, name, volumeId }: Target): Promise<void> {
  await csi.call(services.node.NodeUnstageVolume, { volumeId, stagingTargetPath: pathsOf(work, name).staging });
}

export async function publish(
  csi: Csi,
  { work, name, kind, volumeId }: Target,
  options: { readonly readOnly: boolean },
): Promise<void> {
  const { staging, target } = pathsOf(work, name);
  await csi.call(services.node.NodePublishVolume, {
    volumeId,
    stagingTargetPath: staging,
    targetPath: target,
    volumeCapability: capability(kind),
    readonly: options.readOnly,
    volumeContext: (await csi.share?.contextOf(name)) ?? {},
  });
}

export async function unpublish(csi: Csi, { work, name, volumeId }: Target): Promise<void> {
  await csi.call(services.node.NodeUnpublishVolume, { volumeId, targetPath: pathsOf(work, name).target });
}

const nodeOf = (csi: Csi) => csi.share?.nodeId ?? NODE_ID;

export async function attach(
  csi: Csi,
  { volumeId, kind }: Pick<Target, 'volumeId' | 'kind'>,
  { nodeId = nodeOf(csi), readOnly = false, ofManyNodes = false } = {},
): Promise<void> {
  await csi.call(services.controller.ControllerPublishVolume, {
    volumeId,
    nodeId,
    volumeCapability: capability(kind, ofManyNodes ? 'MULTI_NODE_MULTI_WRITER' : 'SINGLE_NODE_WRITER'),
    readonly: readOnly,
  });
}

export async function detach(csi: Csi, volumeId: string, nodeId = nodeOf(csi)): Promise<void> {
  await csi.call(services.controller.ControllerUnpublishVolume, { volumeId, nodeId });
}

/** ControllerExpandVolume. @returns the size and whether the node must grow the file system */
export async function expand(
  csi: Csi,
  volumeId: string,
  requiredBytes: number,
): Promise<{ readonly sizeBytes: number; readonly onNode: boolean }> {
  const { capacityBytes, nodeExpansionRequired } = await csi.call(services.controller.ControllerExpandVolume, {
    volumeId,
    capacityRange: { requiredBytes },
  });
  return { sizeBytes: Number(capacityBytes), onNode: nodeExpansionRequired };
}

export async function expandOnNode(
  csi: Csi,
  { work, name, volumeId }: Target,
  requiredBytes: number,
): Promise<{ readonly sizeBytes: number }> {
  const { capacityBytes } = await csi.call(services.node.NodeExpandVolume, {
    volumeId,
    volumePath: pathsOf(work, name).staging,
    capacityRange: { requiredBytes },
  });
  return { sizeBytes: Number(capacityBytes) };
}

export async function modify(csi: Csi, volumeId: string, onDelete: string): Promise<void> {
  await csi.call(services.controller.ControllerModifyVolume, { volumeId, mutableParameters: { onDelete } });
}
