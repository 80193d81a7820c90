import { roundUp } from '../backends/sizes.ts';
import { StowageError } from '../errors.ts';
import { checkMaximum } from './choose.ts';
import type { Context, ManagedPool } from './context.ts';
import { keysOfUse, withLocks } from './locks.ts';
import { needReady } from './lookup.ts';
import { itemOf, type VolumeRecord } from './record.ts';
import type { ExpandRequest, SizeRange } from './requests.ts';
import type { Expansion } from './service.ts';

/** ControllerExpandVolume: also while the volume is in use. Never makes it smaller. */
export async function expandVolume(context: Context, request: ExpandRequest, signal: AbortSignal): Promise<Expansion> {
  const { volumeId, size } = request;
  return withLocks(context.locks, `ControllerExpandVolume ${volumeId}`, keysOfUse(volumeId), async () => {
    const { record, pool } = await needReady(context, 'volume', volumeId);
    const { sizeBytes } = await expandRecord(context, pool, record, size, signal);
    return { sizeBytes, nodeExpansionRequired: pool.backend.features.ownSuperblock && record.access === 'mount' };
  });
}

/**
 * Makes room for a larger size, promises it, then gives it. The caller holds the volume's lock.
 * @returns the record as it is then
 * @throws 'out-of-range' where the limit forbids, 'exhausted' where there is no room
 */
export async function expandRecord(
  context: Context,
  pool: ManagedPool,
  record: VolumeRecord,
  size: SizeRange,
  signal: AbortSignal,
): Promise<VolumeRecord> {
  if (pool.backend.features.expansion === 'none') {
    // The resizer takes this code as the end of it, and says so to the user.
    throw new StowageError(
      'invalid',
      `volumes of pool ${pool.name} (${pool.config.backend}) cannot grow; move the data to a larger one`,
    );
  }
  const sizeBytes = Math.max(record.sizeBytes, roundUp(size.requiredBytes, pool.backend.features.sizeStepBytes));
  checkSize(pool, record, sizeBytes, size);
  if (sizeBytes === record.sizeBytes) {
    // Promised before: an earlier call may have died before it gave it.
    await pool.backend.expand(itemOf(record), sizeBytes, signal);
    return record;
  }
  const release = await pool.room.hold(sizeBytes - record.sizeBytes, `expanding volume ${record.name}`);
  try {
    const larger = await context.store.update(record, { sizeBytes, reservedBytes: sizeBytes });
    release(); // the catalog counts it from here
    await pool.backend.expand(itemOf(record), sizeBytes, signal).catch(async (error: unknown) => {
      await context.store.update(larger, { sizeBytes: record.sizeBytes, reservedBytes: record.reservedBytes });
      throw error;
    });
    return larger;
  } finally {
    release();
  }
}

function checkSize(pool: ManagedPool, record: VolumeRecord, sizeBytes: number, { limitBytes }: SizeRange): void {
  if (limitBytes !== undefined && sizeBytes > limitBytes) {
    throw new StowageError(
      'out-of-range',
      `volume ${record.id} has ${record.sizeBytes} bytes and would have ${sizeBytes}, above the limit of ${limitBytes}; volumes do not shrink`,
    );
  }
  checkMaximum(pool, sizeBytes);
}
