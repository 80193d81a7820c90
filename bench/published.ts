import { services } from '../src/csi/services.ts';
import { CAPABILITY, type LoadVolume, newVolume, type Subject } from './phases.ts';

const { controller, node } = services;

/** How long one call may take: copies are made within it. */
const CALL_TIMEOUT_MS = 120_000;

/** Makes a volume, publishes it, and takes all of that back in the end. @param use gets the volume; its data is at its target path */
export async function withPublished<T>(
  subject: Subject,
  name: string,
  sizeBytes: number,
  use: (volume: LoadVolume) => Promise<T>,
): Promise<T> {
  const { client } = subject;
  const volume = await newVolume(subject, name, true);
  const made = await create(subject, name, sizeBytes);
  volume.id = made.volumeId;
  const where = {
    ...{ volumeId: volume.id, volumeContext: made.volumeContext },
    ...{ stagingTargetPath: volume.stagingPath, volumeCapability: CAPABILITY },
  };
  const target = { volumeId: volume.id, targetPath: volume.targetPath };
  try {
    await client.call(node.NodeStageVolume, where);
    await client.call(node.NodePublishVolume, { ...where, ...target });
    return await use(volume);
  } finally {
    await client.call(node.NodeUnpublishVolume, target);
    await client.call(node.NodeUnstageVolume, { volumeId: volume.id, stagingTargetPath: volume.stagingPath });
    await client.call(controller.DeleteVolume, { volumeId: volume.id });
  }
}

/** CreateVolume, as a clone of another one where that is named. @returns the id */
export async function createVolume(
  subject: Subject,
  name: string,
  sizeBytes: number,
  cloneOf?: string,
): Promise<string> {
  return (await create(subject, name, sizeBytes, cloneOf)).volumeId;
}

async function create({ client, parameters }: Subject, name: string, sizeBytes: number, cloneOf?: string) {
  const source = cloneOf === undefined ? {} : { volumeContentSource: { volume: { volumeId: cloneOf } } };
  const request = {
    ...{ name, capacityRange: { requiredBytes: sizeBytes }, volumeCapabilities: [CAPABILITY], parameters },
    ...source,
  };
  const { volume } = await client.call(controller.CreateVolume, request, { timeoutMs: CALL_TIMEOUT_MS });
  if (volume === null) throw new Error('CreateVolume answered without a volume');
  return volume;
}
