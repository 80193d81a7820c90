import type { Item, PoolCapacity, VolumeUsage } from '../backend.ts';
import { blockUsage, fileSystemUsage } from '../block/mounted.ts';
import type { BoundedStatfs } from '../bounded-statfs.ts';
import { lvmLayout } from '../layout.ts';
import { type LvmPool, STEP_TIMEOUT_MS } from './context.ts';
import { requireThere } from './create.ts';
import { refusesNew, thinPoolOf } from './limits.ts';
import { isOurName, keyOf, lvNames } from './names.ts';
import { activate, deactivate } from './open.ts';
import { requireThin } from './plan.ts';
import type { LogicalVolume, Report } from './report.ts';

/** What the file system says of itself at its staging path, or, for raw block, what the thin pool has given it. */
export async function volumeUsage(
  pool: LvmPool,
  statfs: BoundedStatfs,
  item: Item,
  mountPoint: string | undefined,
  signal: AbortSignal,
): Promise<VolumeUsage> {
  const { content, type } = lvmLayout(item);
  if (content.type !== 'block') return fileSystemUsage(pool.host, statfs, item, mountPoint, signal);
  if (type === 'thick') return blockUsage(item, 0); // only who uses it knows
  const found = (await pool.group.report()).own.get(lvNames(item).live);
  return blockUsage(item, found === undefined ? 0 : allocatedBytes(found));
}

/**
 * What a snapshot of the volume would hold: what the thin pool has given it. LVM knows that of active volumes alone, so that one at rest is
 * activated for the question.
 */
export async function snapshotSizeBytes(pool: LvmPool, source: Item): Promise<number> {
  requireThin(pool);
  const { live } = lvNames(source);
  const report = await pool.group.report();
  requireThere(pool, report, source);
  const known = report.own.get(live);
  if (known?.dataPercent !== undefined) return allocatedBytes(known);
  const signal = AbortSignal.timeout(STEP_TIMEOUT_MS);
  await activate(pool, source, live, signal);
  try {
    const found = (await pool.group.report()).own.get(live);
    return found === undefined ? source.sizeBytes : allocatedBytes(found);
  } finally {
    await deactivate(pool, source, live, signal);
  }
}

/** The room of the thin pool, or of the group; see Backend.capacity. */
export async function poolCapacity(pool: LvmPool, items: readonly Item[]): Promise<PoolCapacity> {
  const report = await pool.group.report();
  const keys = new Set(items.map((item) => keyOf(lvNames(item).live)));
  const isOurs = ({ name }: LogicalVolume) => isOurName(name) && keys.has(keyOf(name)); // live, in the trash, archived
  const thin = thinPoolOf(pool, report);
  if (thin !== undefined) return thinCapacity(pool, report, thin, isOurs);
  const ours = sum(report, (volume) => (isOurs(volume) ? volume.sizeBytes : 0));
  return { totalBytes: report.sizeBytes, freeBytes: report.freeBytes, usedByVolumesBytes: ours };
}

/**
 * Volumes that are not ours may grow to their virtual size, so all of that counts as used. What ours take is what is used without those:
 * LVM does not know it of inactive ones.
 */
function thinCapacity(
  pool: LvmPool,
  report: Report,
  thin: LogicalVolume,
  isOurs: (volume: LogicalVolume) => boolean,
): PoolCapacity {
  const isOther = (volume: LogicalVolume) => volume.thinPool === thin.name && !isOurs(volume);
  const promisedToOthers = sum(report, (volume) => (isOther(volume) ? volume.sizeBytes : 0));
  const takenByOthers = sum(report, (volume) => (isOther(volume) ? knownBytes(volume) : 0));
  const ours = Math.max(0, knownBytes(thin) - takenByOthers);
  const freeBytes = Math.max(0, thin.sizeBytes - ours - promisedToOthers);
  const capacity = { totalBytes: thin.sizeBytes, freeBytes, usedByVolumesBytes: ours };
  return refusesNew(pool, thin) ? { ...capacity, largestBytes: 0 } : capacity;
}

function sum(report: Report, bytesOf: (volume: LogicalVolume) => number): number {
  return [...report.volumes.values()].reduce((total, volume) => total + bytesOf(volume), 0);
}

function knownBytes(volume: LogicalVolume): number {
  return volume.dataPercent === undefined ? 0 : Math.ceil((volume.sizeBytes * volume.dataPercent) / 100);
}

/** At most all of it, where that is not known. */
function allocatedBytes(volume: LogicalVolume): number {
  return volume.dataPercent === undefined ? volume.sizeBytes : knownBytes(volume);
}
