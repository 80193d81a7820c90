import type { FileSystemStat } from '../../host/files.ts';
import type { Host } from '../../host/host.ts';
import type { Item, PoolCapacity, VolumeUsage } from '../backend.ts';
import { directoryLayout } from '../layout.ts';
import type { Places } from '../places.ts';
import { measureTree } from './measure.ts';
import type { DirectorySettings } from './settings.ts';

/** The project whose quota holds the item; undefined for snapshots and where sizes are advisory. */
export function projectOf(item: Item): number | undefined {
  return item.kind === 'volume' ? directoryLayout(item).projectId : undefined;
}

/**
 * The volume's use, from its project's quota, or counted by du(1) where sizes are advisory. The mount point is never touched, and the pool's
 * own totals are never given as the volume's: only less room in the pool than in the volume shows as available.
 */
export async function directoryUsage(
  settings: DirectorySettings,
  host: Host,
  places: Places,
  item: Item,
  signal: AbortSignal,
): Promise<VolumeUsage> {
  const projectId = projectOf(item);
  const pool = await host.files.statfs(settings.path);
  if (projectId !== undefined) {
    const quota = await host.quotas.usage(settings.path, projectId);
    return {
      bytes: shares(quota.limitBytes || item.sizeBytes, quota.usedBytes, pool.availableBytes),
      inodes: inodesOf(quota.limitInodes || directoryLayout(item).inodeLimit, quota.usedInodes, pool),
    };
  }
  const used = await places.at(item, (path) => measureTree(host, path, signal));
  return {
    bytes: shares(item.sizeBytes, used.bytes, pool.availableBytes),
    inodes: { total: pool.totalInodes, used: used.inodes, available: pool.freeInodes },
  };
}

/** The pool's room. What volumes take is known cheaply only from their quotas; a snapshot takes the size that was recorded for it. */
export async function directoryCapacity(
  settings: DirectorySettings,
  host: Host,
  items: readonly Item[],
): Promise<PoolCapacity> {
  const pool = await host.files.statfs(settings.path);
  const usedByVolumesBytes = settings.quota === 'enforced' ? await usedBytes(settings, host, items) : undefined;
  return { totalBytes: pool.totalBytes, freeBytes: pool.availableBytes, usedByVolumesBytes };
}

/** One pass over the file system's quotas, however many volumes there are. */
async function usedBytes(settings: DirectorySettings, host: Host, items: readonly Item[]): Promise<number | undefined> {
  const usages = await host.quotas.usages(settings.path);
  if (usages === undefined) return undefined;
  return items.reduce((sum, item) => {
    const projectId = projectOf(item);
    return sum + (projectId === undefined ? item.reservedBytes : (usages.get(projectId)?.usedBytes ?? 0));
  }, 0);
}

function shares(total: number, used: number, room: number) {
  return { total, used, available: Math.max(0, Math.min(total - used, room)) };
}

/** A volume without a limit of its own may take what the file system has. */
function inodesOf(limit: number, used: number, pool: FileSystemStat) {
  if (limit === 0) return { total: used + pool.freeInodes, used, available: pool.freeInodes };
  return shares(limit, used, freeInodes(pool));
}

function freeInodes(pool: { readonly totalInodes: number; readonly freeInodes: number }): number {
  return pool.totalInodes === 0 ? Number.MAX_SAFE_INTEGER : pool.freeInodes;
}
