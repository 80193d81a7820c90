import type { Item } from './backend.ts';
import type { Places } from './places.ts';

/** A snapshot to take, of a source. */
export interface SnapshotPair {
  readonly source: Item;
  readonly snapshot: Item;
}

/** Takes snapshots one after another. Where one fails, those taken before it are removed again: all or none. */
export async function oneAfterAnother(
  pairs: readonly SnapshotPair[],
  take: (pair: SnapshotPair) => Promise<void>,
  places: Places,
): Promise<void> {
  const taken: Item[] = [];
  try {
    for (const pair of pairs) {
      await take(pair);
      taken.push(pair.snapshot);
    }
  } catch (error) {
    for (const snapshot of taken) await places.undo(snapshot);
    throw error;
  }
}
