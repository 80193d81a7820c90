import type { MemoryPool } from './context.ts';
import { readMemory } from './usage.ts';

/** Remarks on a memory pool; see Backend.check. Volumes that a restart of the node took are none: that is what memory does. */
export async function checkMemoryPool(pool: MemoryPool): Promise<string[]> {
  const { memoryBytes } = await readMemory(pool);
  const { size } = pool.settings;
  return size > memoryBytes ? [`note: its size is ${size} bytes, and this node's memory ${memoryBytes}`] : [];
}
