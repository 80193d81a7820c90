import type { Item, PoolCapacity, VolumeUsage } from '../backend.ts';
import { measureTree } from '../directory/measure.ts';
import { raceSignal } from '../signals.ts';
import type { BtrfsPool } from './context.ts';
import { holdVolume, recount } from './hold.ts';
import { createIsOfPool, qgroupOf } from './qgroup.ts';

/** How often, and after what time, usage looks again while full quotas are counted anew. */
const RECOUNT_LOOKS_MAX = 20;
const RECOUNT_LOOK_MS = 50;

/** How long du(1) may take to size a snapshot. */
const MEASURE_TIMEOUT_MS = 60_000;

/** The volume's use from its qgroup, or by du(1) where sizes are advisory. Nothing counts the files of a subvolume but a walk through it. */
export async function volumeUsage(pool: BtrfsPool, item: Item, signal: AbortSignal): Promise<VolumeUsage> {
  return raceSignal(measureUsage(pool, item, signal), signal, `measuring volume ${item.id}`);
}

async function measureUsage(pool: BtrfsPool, item: Item, signal: AbortSignal): Promise<VolumeUsage> {
  const { settings, host, places } = pool;
  await holdVolume(pool, item);
  const found = await readQgroup(pool, item);
  if (found === undefined) {
    const used = await places.at(item, (path) => measureTree(host, path, signal));
    const { availableBytes, totalInodes, freeInodes } = await host.files.statfs(settings.path);
    const inodes = { total: totalInodes, used: used.inodes, available: freeInodes }; // btrfs has no fixed number: 0
    return { bytes: shares(item.sizeBytes, used.bytes, availableBytes), inodes };
  }
  const { availableBytes } = await host.files.statfs(settings.path);
  return {
    bytes: shares(found.limitBytes ?? item.sizeBytes, found.referencedBytes, availableBytes),
    inodes: undefined,
  };
}

/** The bytes that a snapshot of this volume would hold at most. */
export async function snapshotSize(pool: BtrfsPool, source: Item): Promise<number> {
  const { host, places, btrfs, settings } = pool;
  const found = await readQgroup(pool, source);
  if (found === undefined) {
    const signal = AbortSignal.timeout(MEASURE_TIMEOUT_MS);
    return (await places.at(source, (path) => measureTree(host, path, signal))).bytes;
  }
  const { status } = await btrfs.qgroups(settings.path, 0);
  const info = await places.at(source, btrfs.subvolume);
  // Simple quotas do not count to a copy what it shares with its source.
  if (status.mode === 'simple' && info?.isCopy === true) return source.sizeBytes;
  return Math.min(found.referencedBytes, source.sizeBytes);
}

/** The pool's room, and what its volumes and snapshots take: all from one look at the quota tree. */
export async function poolCapacity(pool: BtrfsPool): Promise<PoolCapacity> {
  const { settings, host } = pool;
  const { totalBytes, freeBytes, availableBytes } = await host.files.statfs(settings.path);
  const usedBytes = settings.quota === 'enforced' ? await usedByVolumes(pool) : undefined;
  // Full quotas count what several share to each of them.
  const usedByVolumesBytes = usedBytes === undefined ? undefined : Math.min(usedBytes, totalBytes - freeBytes);
  return { totalBytes, freeBytes: availableBytes, usedByVolumesBytes };
}

/** Volumes, by their qgroups of level 1, which stay while anything is counted to them; snapshots by those of their subvolumes. */
async function usedByVolumes(pool: BtrfsPool): Promise<number> {
  const { settings, host, btrfs } = pool;
  const { status, byId } = await btrfs.qgroups(settings.path);
  const tree = await btrfs.subvolumeIdAt(settings.path);
  const folder = await host.files.stat(`${settings.path}/snapshots`);
  const nested = await btrfs.nested(settings.path, tree);
  const isOfPool = await createIsOfPool(pool);
  let total = 0;
  for (const { id, referencedBytes } of byId.values()) if (isOfPool(id)) total += referencedBytes;
  for (const { id, folderInode } of nested) {
    const group = folderInode === folder?.inode ? byId.get(id) : undefined;
    total += (status.mode === 'full' ? group?.exclusiveBytes : group?.referencedBytes) ?? 0;
  }
  return total;
}

/** What is counted to a volume now; undefined where sizes are advisory, or somebody switched quotas off. */
async function readQgroup(pool: BtrfsPool, item: Item) {
  const group = qgroupOf(item);
  if (group === undefined) return undefined;
  await pool.commit();
  await recount(pool);
  for (let look = 1; ; look++) {
    const { status, byId } = await pool.btrfs.qgroups(pool.settings.path, group);
    if (!status.rescanning || look >= RECOUNT_LOOKS_MAX) return byId.get(group);
    await new Promise((resolve) => setTimeout(resolve, RECOUNT_LOOK_MS));
  }
}

function shares(total: number, used: number, room: number) {
  return { total, used, available: Math.max(0, Math.min(total - used, room)) };
}
