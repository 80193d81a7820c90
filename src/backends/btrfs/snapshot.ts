import type { Item } from '../backend.ts';
import { endIfAborted } from '../signals.ts';
import type { SnapshotPair } from '../snapshots.ts';
import type { BtrfsPool } from './context.ts';
import { isSubvolume, needSource } from './create.ts';
import { recount } from './hold.ts';
import { takeTogether } from './together.ts';

/**
 * Takes snapshots of one or several volumes, in one transaction where the kernel lets them: then they show one moment. All or none; see
 * Backend.snapshot.
 */
export async function takeSnapshots(
  pool: BtrfsPool,
  pairs: readonly SnapshotPair[],
  signal: AbortSignal,
): Promise<void> {
  const there: Item[] = [];
  for (const { snapshot } of pairs) if (await isSubvolume(pool, snapshot)) there.push(snapshot);
  if (there.length === pairs.length) return;
  for (const snapshot of there) await pool.places.undo(snapshot); // of an earlier moment than the others would be
  for (const { source } of pairs) await needSource(pool, source);
  endIfAborted(signal, `taking ${pairs.length} snapshots`);
  const [first] = pairs;
  try {
    if (pairs.length === 1 && first !== undefined) await takeOne(pool, first, signal);
    else await takeTogether(pool, pairs, signal);
  } finally {
    pool.recounts.due = true;
    await recount(pool); // also after a snapshot that is gone again
  }
}

async function takeOne({ places, btrfs }: BtrfsPool, { source, snapshot }: SnapshotPair, signal: AbortSignal) {
  await places.build(snapshot, (to) => places.at(source, (from) => btrfs.snapshot(from, to, [])), signal);
}
