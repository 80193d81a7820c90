import type { Item } from './backend.ts';

/** A snapshot to take, of a source. */
export interface SnapshotPair {
  readonly source: Item;
  readonly snapshot: Item;
}

/** Takes snapshots one after another. Where one fails, those taken before it are removed again: all or none. */
export async function oneAfterAnother(
  pairs: readonly SnapshotPair[],
  take: (pair: SnapshotPair) => Promise<void>,
  undo: (snapshot: Item) => Promise<void>,
): Promise<void> {
  const taken: Item[] = [];
  try {
    for (const pair of pairs) {
      await take(pair);
      taken.push(pair.snapshot);
    }
  } catch (error) {
    for (const snapshot of taken) await undo(snapshot);
    throw error;
  }
}
