import { isStowageError, messageOf, StowageError } from '../errors.ts';
import { checkCapability, checkOnDelete, choosePool, isHere } from './choose.ts';
import { conditionOf, findAlsoAway, type Looked, lookAtAll } from './condition.ts';
import type { Context, ManagedPool } from './context.ts';
import { volumeInfo } from './create.ts';
import { lockKey, withLocks } from './locks.ts';
import { needReady } from './lookup.ts';
import { isStaticNfs, validateStaticNfs } from './nfs/static.ts';
import { applyOptions, mergeOptions, optionsOf } from './options.ts';
import { isLive, type SnapshotRecord, type VolumeRecord } from './record.ts';
import type {
  CapacityRequest,
  ListSnapshotsRequest,
  ModifyRequest,
  OnDelete,
  Page,
  ValidateRequest,
  VolumeRequest,
} from './requests.ts';
import type { Capacity, Listing, SnapshotInfo, Validation, VolumeStatus } from './service.ts';
import { snapshotInfo } from './snapshot.ts';
import { validateStatic } from './static/describe.ts';
import { isStatic } from './static/host-path.ts';

/** ValidateVolumeCapabilities. */
export async function validateVolume(context: Context, request: ValidateRequest): Promise<Validation> {
  if (context.shares !== undefined && isStaticNfs(request)) return validateStaticNfs(request);
  if (isStatic(request.volumeId, request.volumeContext)) return validateStatic(context, request);
  const { record, pool } = await needReady(context, 'volume', request.volumeId);
  try {
    for (const capability of request.capabilities) {
      checkCapability(pool, capability);
      checkFits(record, capability.access.type);
    }
  } catch (error) {
    if (isStowageError(error, 'invalid', 'precondition')) return { confirmed: false, reason: messageOf(error) };
    throw error;
  }
  const { pool: poolName, onDelete } = request.parameters;
  if (poolName !== undefined && poolName !== record.pool)
    return { confirmed: false, reason: `it is in pool ${record.pool}` };
  if (onDelete !== undefined && onDelete !== record.onDelete)
    return { confirmed: false, reason: `its onDelete is ${record.onDelete}` };
  return { confirmed: true };
}

/** @throws 'precondition' where a volume is used as what it is not */
export function checkFits(record: VolumeRecord, access: 'block' | 'mount'): void {
  if (record.access === access) return;
  throw new StowageError('precondition', `volume ${record.id} was made for ${record.access} access, not for ${access}`);
}

/** ControllerModifyVolume: what happens to its data when it is deleted, and what its backend can change. All is checked before anything is changed. */
export async function modifyVolume(
  context: Context,
  { volumeId, mutableParameters }: ModifyRequest,
  signal: AbortSignal,
): Promise<void> {
  await withLocks(context.locks, `ControllerModifyVolume ${volumeId}`, [lockKey.id(volumeId)], async () => {
    const { record, pool } = await needReady(context, 'volume', volumeId);
    const onDelete = checkOnDelete(pool, mutableParameters.onDelete ?? record.onDelete);
    checkKept(record, onDelete);
    const change = optionsOf(mutableParameters);
    const options = change === undefined ? record.options : mergeOptions(pool, record.options, change);
    await applyOptions(pool, record, change, signal);
    if (onDelete === record.onDelete && options === record.options) return;
    await context.store.update<VolumeRecord>(record, { onDelete, ...(options === undefined ? {} : { options }) });
  });
}

/** @throws 'invalid' where a folder that other volumes may have too would go with this one */
function checkKept({ id, layout }: VolumeRecord, onDelete: OnDelete): void {
  if (onDelete === 'retain' || layout.backend !== 'share' || !layout.shared) return;
  throw new StowageError(
    'invalid',
    `onDelete ${onDelete}: volume ${id} was made in subDir ${layout.subDir} with onDelete retain, so other volumes may have this folder, too; remove it by hand`,
  );
}

/** ControllerGetVolume. */
export async function getVolume(context: Context, { volumeId }: VolumeRequest): Promise<VolumeStatus> {
  return statusOf(context, await findAlsoAway(context, volumeId));
}

/** ListVolumes: ready volumes in the order of their ids; a page's token is the last id of the page before. */
export async function listVolumes(context: Context, page: Page): Promise<Listing<VolumeStatus>> {
  const { ids, nextToken } = takePage(context, 'volume', page);
  const records = ids.map((id) => context.catalog.volume(id)).filter((record) => record !== undefined);
  const entries = lookAtAll(context, records).map(async (looked) => statusOf(context, await looked));
  return { entries: await Promise.all(entries), nextToken };
}

/** ListSnapshots: all, one, or those of one volume. */
export function listSnapshots(
  context: Context,
  { page, sourceVolumeId, snapshotId }: ListSnapshotsRequest,
): Listing<SnapshotInfo> {
  if (snapshotId !== undefined) {
    const record = context.catalog.snapshot(snapshotId);
    const fits =
      record !== undefined && isListed(context, record) && (sourceVolumeId ?? record.sourceId) === record.sourceId;
    return { entries: fits ? [snapshotInfo(record)] : [], nextToken: undefined };
  }
  const fits = (record: SnapshotRecord) =>
    isListed(context, record) && (sourceVolumeId === undefined || record.sourceId === sourceVolumeId);
  const { ids, nextToken } = takePage(context, 'snapshot', page, (id) => {
    const record = context.catalog.snapshot(id);
    return record !== undefined && fits(record);
  });
  const records = ids.map((id) => context.catalog.snapshot(id)).filter((record) => record !== undefined);
  return { entries: records.map(snapshotInfo), nextToken };
}

/** GetCapacity: what may still be promised here; 0 where the pool is away, or the topology is another node's. */
export async function capacity(context: Context, request: CapacityRequest): Promise<Capacity> {
  if (request.topology !== undefined && !isHere(context, [request.topology])) return { availableBytes: 0 };
  const pools = await poolsOf(context, request);
  let availableBytes = 0;
  let largestBytes = 0;
  for (const pool of pools) {
    const room = pool === undefined ? NO_ROOM : await roomIn(pool, request);
    availableBytes += room.availableBytes;
    largestBytes = Math.max(
      largestBytes,
      Math.min(room.largestBytes, pool?.config.maxVolumeBytes ?? room.largestBytes),
    );
  }
  return { availableBytes, maximumVolumeBytes: largestBytes };
}

async function poolsOf(
  context: Context,
  { parameters: { pool, share } }: CapacityRequest,
): Promise<readonly (ManagedPool | undefined)[]> {
  if (context.shares !== undefined && share !== undefined)
    return [await context.shares.open(share.source, share.options)];
  return pool === undefined ? [...context.pools.values()] : [choose(context, pool)];
}

const NO_ROOM = { availableBytes: 0, largestBytes: 0 };

async function roomIn(pool: ManagedPool, { capabilities }: CapacityRequest): Promise<typeof NO_ROOM> {
  try {
    await pool.check();
    for (const capability of capabilities) checkCapability(pool, capability);
    return { availableBytes: await pool.room.availableBytes(), largestBytes: await pool.room.largestBytes() };
  } catch (error) {
    if (isStowageError(error, 'unavailable', 'invalid', 'precondition')) return NO_ROOM;
    throw error;
  }
}

function choose(context: Context, name: string): ManagedPool | undefined {
  try {
    return choosePool(context, name);
  } catch (error) {
    if (isStowageError(error, 'exhausted')) return undefined; // this node has no such pool: it has no room in it either
    throw error;
  }
}

async function statusOf(context: Context, looked: Looked): Promise<VolumeStatus> {
  return {
    volume: volumeInfo(context, looked.record),
    publishedNodeIds: looked.record.attached.map(({ nodeId }) => nodeId),
    condition: await conditionOf(context, looked),
  };
}

/**
 * A snapshot is listed from its record on, since the snapshotter asks here whether one that was answered unready has become ready; of a group, once all
 * of it is complete.
 */
function isListed(context: Context, record: SnapshotRecord): boolean {
  if (!isLive(record)) return false;
  return record.groupId === undefined || context.catalog.group(record.groupId)?.state === 'ready';
}

/** A token is the id of the last entry shown. */
const TOKENS = { volume: /^stw1v-[0-9a-f-]{1,60}$/, snapshot: /^stw1s-[0-9a-f-]{1,60}$/ } as const;

function takePage(
  context: Context,
  kind: 'volume' | 'snapshot',
  { maxEntries, startingToken }: Page,
  fits: (id: string) => boolean = () => true,
): { ids: string[]; nextToken: string | undefined } {
  if (startingToken !== undefined && !TOKENS[kind].test(startingToken)) {
    throw new StowageError(
      'busy',
      `starting_token ${JSON.stringify(startingToken)} is none of ours; list from the beginning`,
    );
  }
  const ids: string[] = [];
  for (const id of context.catalog.listed(kind, startingToken)) {
    if (!fits(id)) continue;
    if (maxEntries !== 0 && ids.length === maxEntries) return { ids, nextToken: ids.at(-1) };
    ids.push(id);
  }
  return { ids, nextToken: undefined };
}
