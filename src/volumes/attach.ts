import { randomUUID } from 'node:crypto';
import { isStowageError, StowageError } from '../errors.ts';
import { checkCapability, isOfManyNodes } from './choose.ts';
import type { Context, ManagedPool } from './context.ts';
import { lockKey, withLocks } from './locks.ts';
import { find, needReady } from './lookup.ts';
import { attachStaticNfs, isStaticNfs } from './nfs/static.ts';
import { addressesOfNode, isNodeOfShares } from './node-address.ts';
import type { VolumeRecord } from './record.ts';
import type { AttachRequest, DetachRequest } from './requests.ts';
import { attachStatic } from './static/describe.ts';
import { isStatic } from './static/host-path.ts';

/** ControllerPublishVolume: a local volume can be attached to its own node only; who has it is recorded, and where we serve the volume it is exported to that node. */
export async function attach(
  context: Context,
  request: AttachRequest,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const { volumeId, nodeId, readOnly } = request;
  if (context.shares !== undefined && isStaticNfs(request)) return attachStaticNfs(request);
  if (isStatic(volumeId, request.volumeContext)) return attachStatic(context, request);
  return withLocks(context.locks, `ControllerPublishVolume ${volumeId}`, [lockKey.id(volumeId)], async () => {
    const { record, pool } = await needReady(context, 'volume', volumeId);
    if (!pool.isNetworked) refuseOtherNode(context, request);
    else if (!isNodeOfShares(nodeId)) {
      throw new StowageError('not-found', `node ${nodeId} is none of this driver's: its id is no name with an address`);
    }
    checkCapability(pool, request.capability);
    if (!isOfManyNodes(request.capability.mode)) refuseSecondNode(record, nodeId);
    const attached = record.attached.find((attachment) => attachment.nodeId === nodeId);
    if (attached === undefined) {
      checkLimit(context, nodeId);
      const fsid = isExported(context, pool) ? { fsid: fsidFor(record, nodeId) } : {};
      const attachedNow = [...record.attached, { nodeId, readOnly, ...fsid }];
      await admit(context, pool, await context.store.update<VolumeRecord>(record, { attached: attachedNow }), signal);
    } else if (attached.readOnly !== readOnly) {
      throw new StowageError(
        'already-exists',
        `volume ${volumeId} is attached to node ${nodeId} ${attached.readOnly ? 'read-only' : 'writable'}; detach it first`,
      );
    } else await admit(context, pool, record, signal); // an earlier call may have died before it did
    return {};
  });
}

/** ControllerUnpublishVolume. What is not attached, or does not exist (any more), is fine. */
export async function detach(
  context: Context,
  { volumeId, nodeId }: DetachRequest,
  signal: AbortSignal,
): Promise<void> {
  await withLocks(context.locks, `ControllerUnpublishVolume ${volumeId}`, [lockKey.id(volumeId)], async () => {
    const found = await find(context, 'volume', volumeId).catch((error: unknown) => {
      if (isStowageError(error, 'precondition')) return undefined; // another node's: not attached here
      throw error;
    });
    if (found === undefined) return;
    const { record, pool } = found;
    const kept = nodeId === undefined ? [] : record.attached.filter((attachment) => attachment.nodeId !== nodeId);
    const forget = async () => {
      if (kept.length < record.attached.length) await context.store.update<VolumeRecord>(record, { attached: kept });
    };
    const gone = nodeId === undefined ? record.attached.map((attachment) => attachment.nodeId) : [nodeId];
    if (context.exports === undefined || !isExported(context, pool)) await forget();
    else await context.exports.shutOut(record, gone.filter(isNodeOfShares), forget, signal);
  });
}

async function admit(context: Context, pool: ManagedPool, record: VolumeRecord, signal: AbortSignal): Promise<void> {
  if (isExported(context, pool)) await context.exports?.admit(record, signal);
}

function isExported({ exports }: Context, pool: ManagedPool): boolean {
  return exports !== undefined && pool.config.backend !== 'share';
}

/**
 * A new one for each attachment, so that what a node still has open from an earlier one never counts again: it could write what it had left over what was written by others since.
 * Two node ids with one address are one client to the server, which has one of each volume.
 */
function fsidFor({ attached }: VolumeRecord, nodeId: string): string {
  const addresses = addressesOfNode(nodeId);
  const same = attached.find((other) => addressesOfNode(other.nodeId).some((address) => addresses.includes(address)));
  return same?.fsid ?? randomUUID();
}

function refuseOtherNode(context: Context, { nodeId, volumeId }: AttachRequest): void {
  if (nodeId === context.nodeId) return;
  throw new StowageError(
    'not-found',
    `node ${nodeId} cannot have volume ${volumeId}: it is on the disks of node ${context.nodeId}`,
  );
}

/** CSI, "ControllerPublishVolume Errors": Volume published to another node. */
function refuseSecondNode(record: VolumeRecord, nodeId: string): void {
  const other = record.attached.find((attachment) => attachment.nodeId !== nodeId);
  if (other === undefined) return;
  throw new StowageError(
    'precondition',
    `volume ${record.id} is attached to node ${other.nodeId}, and its access mode is for one node; detach it there first`,
  );
}

function checkLimit(context: Context, nodeId: string): void {
  const limit = context.config.maxVolumesPerNode;
  if (limit === 0 || context.catalog.attachedCount(nodeId) < limit) return;
  throw new StowageError(
    'exhausted',
    `node ${nodeId} has ${limit} volumes attached, as many as maxVolumesPerNode allows; detach one first`,
  );
}
