import { createHash } from 'node:crypto';
import type { Context } from './context.ts';
import { parseId } from './ids.ts';
import { lockKey } from './locks.ts';
import { type Found, poolOf } from './lookup.ts';
import type { VolumeRecord } from './record.ts';

/** The kubelet's id of an inline volume: `csi-` and the SHA-256 of its pod's UID and its name (pkg/volume/csi, makeVolumeHandle). */
const KUBELET_ID = /^csi-[0-9a-f]{64}$/;
const HASH_DIGITS = 40;

/** The name of the record of the ephemeral volume with that foreign id: of the id only its hash is ever used. */
export function ephemeralName(volumeId: string): string {
  return `ephemeral-${createHash('sha256').update(volumeId).digest('hex').slice(0, HASH_DIGITS)}`;
}

/** The lock of an ephemeral volume: recovery knows names only. */
export function ephemeralKey(name: string): string {
  return lockKey.name('ephemeral', name);
}

/** True if the id is that of an ephemeral volume of ours, or may be that of one whose pool is away. */
export function isEphemeralId(context: Context, volumeId: string): boolean {
  return KUBELET_ID.test(volumeId) || context.catalog.ephemeral(ephemeralName(volumeId)) !== undefined;
}

/** The ephemeral volume with that foreign id, with its pool checked; undefined where there is none. @throws 'unavailable' where its pool is away */
export async function findEphemeral(context: Context, volumeId: string): Promise<Found<VolumeRecord> | undefined> {
  const record = context.catalog.ephemeral(ephemeralName(volumeId));
  if (record?.state !== 'ready' || parseId(volumeId).origin !== 'foreign') return undefined;
  const pool = poolOf(context, record);
  await pool.check();
  return { record, pool };
}
