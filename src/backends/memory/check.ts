import type { Item } from '../backend.ts';
import { LOST, type MemoryPool, memoryOf } from './context.ts';
import { readMemory } from './usage.ts';

/** Remarks on a memory pool; see Backend.check. */
export async function checkMemoryPool(pool: MemoryPool, items: readonly Item[]): Promise<string[]> {
  const { memoryBytes } = await readMemory(pool);
  const { size } = pool.settings;
  const remarks: string[] = [];
  if (size > memoryBytes) remarks.push(`note: its size is ${size} bytes, and this node's memory ${memoryBytes}`);
  for (const item of items) if ((await memoryOf(pool, item)) === undefined) remarks.push(`volume ${item.id}: ${LOST}`);
  return remarks;
}
