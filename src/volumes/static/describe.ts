import type { VolumeUsage } from '../../backends/backend.ts';
import { isStowageError, messageOf, StowageError } from '../../errors.ts';
import type { MountEntry } from '../../host/mounts.ts';
import { stagedAt } from '../../staging/stage.ts';
import type { Context } from '../context.ts';
import type { AttachRequest, StatsRequest, ValidateRequest } from '../requests.ts';
import type { Condition, Stats, Validation } from '../service.ts';
import { checkUse, readHostPath } from './host-path.ts';
import { lookAt } from './open.ts';
import type { StaticRecord } from './records.ts';
import { isSameFile } from './stage.ts';

const SECTOR_BYTES = 512; // sysfs counts devices in these, whatever their own sectors are

/** ControllerPublishVolume of a static volume: nothing to do but to say no where it cannot be. Nothing is recorded. */
export function attachStatic(context: Context, request: AttachRequest): Readonly<Record<string, string>> {
  const { nodeId, volumeId } = request;
  if (nodeId !== context.nodeId) {
    throw new StowageError(
      'not-found',
      `node ${nodeId} cannot have volume ${volumeId} from here: its path is looked for on node ${context.nodeId}`,
    );
  }
  checkUse(readHostPath(context.config.hostPaths, request.volumeContext), request.capability);
  return {};
}

/** ValidateVolumeCapabilities of a static volume: whether its path is allowed and the access fits. */
export function validateStatic(context: Context, request: ValidateRequest): Validation {
  try {
    const hostPath = readHostPath(context.config.hostPaths, request.volumeContext);
    for (const capability of request.capabilities) checkUse(hostPath, capability);
  } catch (error) {
    if (isStowageError(error, 'invalid', 'precondition')) return { confirmed: false, reason: messageOf(error) };
    throw error;
  }
  const [parameter] = Object.keys(request.parameters);
  if (parameter === undefined) return { confirmed: true };
  return { confirmed: false, reason: `it is a host path, in no pool, and has no ${parameter}` };
}

/** NodeExpandVolume of an id that is not ours. @throws 'invalid' where it is a static volume's */
export async function refuseGrowth(context: Context, volumeId: string): Promise<void> {
  if ((await context.statics.records.read(volumeId)) === undefined) return;
  throw new StowageError(
    'invalid',
    `volume ${volumeId} is a host path: it has no size of its own, and cannot grow; make its file system or device larger on the node`,
  );
}

/**
 * NodeGetVolumeStats of a static volume: the numbers of the file system that it is a part of, since it has no limit of its own; a device's size.
 * @returns undefined where the id has no record
 * @throws 'not-found' where it is not mounted at that path
 */
export async function staticStats(
  context: Context,
  request: StatsRequest,
  signal: AbortSignal,
): Promise<Stats | undefined> {
  const record = await context.statics.records.read(request.volumeId);
  if (record === undefined) return undefined;
  const path = await context.host.files.resolveParent(request.volumePath);
  const mount = record === 'damaged' ? undefined : await findMount(context, record, path);
  if (record === 'damaged' || mount === undefined) {
    throw new StowageError(
      'not-found',
      `volume ${request.volumeId} is not mounted at ${request.volumePath}; stage or publish it there first`,
    );
  }
  const usage = await usageOf(context, record, mount, signal);
  return { usage, condition: await conditionOf(context, record, signal) };
}

async function findMount(context: Context, record: StaticRecord, path: string): Promise<MountEntry | undefined> {
  const staged = stagedAt(record.stagingPath);
  const table = await context.host.mounts.table();
  if (path === record.stagingPath || path === staged) return table.at(staged);
  return record.targets.includes(path) ? table.at(path) : undefined;
}

async function usageOf(
  context: Context,
  { blockDevice, path }: StaticRecord,
  { mountPoint }: MountEntry,
  signal: AbortSignal,
): Promise<VolumeUsage> {
  const { files } = context.host;
  if (blockDevice !== undefined) {
    const sectors = await files.read(`/sys/dev/block/${blockDevice}/size`, 32);
    const total = Number(sectors ?? 0) * SECTOR_BYTES; // 0: the device is gone, and the condition says so
    return { bytes: { total, used: total, available: 0 }, inodes: undefined };
  }
  const found = await context.statics.bounded(
    `asking the file system of host path ${path} for its use`,
    signal,
    () => files.statfs(mountPoint),
    () => undefined,
  );
  return {
    bytes: {
      total: found.totalBytes,
      used: found.totalBytes - found.freeBytes,
      available: found.availableBytes,
    },
    inodes: {
      total: found.totalInodes,
      used: found.totalInodes - found.freeInodes,
      available: found.freeInodes,
    },
  };
}

/** Whether what is mounted is still what lies at the path. */
async function conditionOf(context: Context, record: StaticRecord, signal: AbortSignal): Promise<Condition> {
  try {
    const hostPath = readHostPath(context.config.hostPaths, { path: record.path, type: record.type });
    const opened = await lookAt(context, hostPath, signal);
    opened.close();
    if (!isSameFile(record, opened.stat))
      return abnormal(`${record.path} was removed or replaced; the pods have what was there when it was staged`);
    const { blockDevice } = record;
    if (blockDevice !== undefined && (await context.host.files.stat(`/sys/dev/block/${blockDevice}`)) === undefined)
      return abnormal(`the device of ${record.path} is gone`);
    return { abnormal: false, message: 'in order' };
  } catch (error) {
    return abnormal(messageOf(error));
  }
}

function abnormal(message: string): Condition {
  return { abnormal: true, message };
}
