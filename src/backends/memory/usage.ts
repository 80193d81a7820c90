import { StowageError } from '../../errors.ts';
import type { Item, PoolCapacity, VolumeUsage } from '../backend.ts';
import { LOST, type MemoryPool, memoryOf } from './context.ts';

const MEMINFO_MAX_BYTES = 64 * 1024;

/** The volume's use, as its own file system has it. Asked at the pool's mount of it, which nobody else can replace. */
export async function memoryUsage(pool: MemoryPool, item: Item): Promise<VolumeUsage> {
  if ((await memoryOf(pool, item)) === undefined) throw new StowageError('precondition', `volume ${item.id}: ${LOST}`);
  const now = await pool.places.at(item, (path) => pool.host.files.statfs(path));
  return {
    bytes: { total: now.totalBytes, used: now.totalBytes - now.freeBytes, available: now.availableBytes },
    inodes: { total: now.totalInodes, used: now.totalInodes - now.freeInodes, available: now.freeInodes },
  };
}

/** The pool's room: its size, but no more than the node's memory, of which others take their share (proc_meminfo(5)). */
export async function memoryCapacity(pool: MemoryPool, items: readonly Item[]): Promise<PoolCapacity> {
  const { memoryBytes, availableBytes } = await readMemory(pool);
  const totalBytes = Math.min(pool.settings.size, memoryBytes);
  let usedByVolumesBytes = 0;
  for (const item of items) {
    if ((await memoryOf(pool, item)) !== undefined) usedByVolumesBytes += (await memoryUsage(pool, item)).bytes.used;
  }
  const freeBytes = Math.max(0, Math.min(totalBytes - usedByVolumesBytes, availableBytes));
  return { totalBytes, freeBytes, usedByVolumesBytes };
}

/** This node's memory: all, and what is free or can be at once. */
export async function readMemory({ host }: MemoryPool): Promise<{ memoryBytes: number; availableBytes: number }> {
  const text = (await host.files.read('/proc/meminfo', MEMINFO_MAX_BYTES)) ?? '';
  const bytesOf = (key: string) => Number(new RegExp(`^${key}:\\s*(\\d+) kB$`, 'm').exec(text)?.[1]) * 1024;
  const found = { memoryBytes: bytesOf('MemTotal'), availableBytes: bytesOf('MemAvailable') };
  if (Number.isFinite(found.memoryBytes) && Number.isFinite(found.availableBytes)) return found;
  throw new StowageError('internal', '/proc/meminfo does not say MemTotal and MemAvailable: is /proc mounted?');
}
