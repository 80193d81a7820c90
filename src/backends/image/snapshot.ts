import { explainFull } from '../room.ts';
import { endIfAborted } from '../signals.ts';
import { oneAfterAnother, type SnapshotPair } from '../snapshots.ts';
import type { ImagePool } from './context.ts';
import { cloneFile } from './copy.ts';
import { createImage, isImage, requireImage } from './create.ts';
import { type Quiet, quiesce, releaseAll } from './quiesce.ts';

/**
 * Takes snapshots: where files can be cloned, of all sources at one moment (freeze all, clone all, thaw all), else one after another.
 * All or none. Pairs are those of one request and not yet ready: where a dead process left some of several, they are taken anew.
 */
export async function snapshotImages(
  pool: ImagePool,
  pairs: readonly SnapshotPair[],
  signal: AbortSignal,
): Promise<void> {
  for (const { source } of pairs) await requireImage(pool, source);
  if (!(await pool.canClone())) {
    const take = ({ source, snapshot }: SnapshotPair) => createImage(pool, snapshot, source, signal);
    return oneAfterAnother(pairs, take, pool.places.undo);
  }
  const there = await Promise.all(pairs.map(({ snapshot }) => isImage(pool, snapshot)));
  if (there.every(Boolean)) return;
  for (const [index, { snapshot }] of pairs.entries()) if (there[index]) await pool.places.undo(snapshot);
  await takeAtOnce(pool, pairs, signal);
}

async function takeAtOnce(pool: ImagePool, pairs: readonly SnapshotPair[], signal: AbortSignal): Promise<void> {
  const quiets: Quiet[] = [];
  try {
    for (const { source } of pairs) {
      endIfAborted(signal, `freezing volume ${source.id}`);
      quiets.push(await quiesce(pool, source, signal));
    }
    await oneAfterAnother(pairs, (pair) => takeOne(pool, pair, signal), pool.places.undo);
  } catch (error) {
    throw explainFull(error, `taking ${pairs.length} snapshots in pool ${pool.settings.name}`);
  } finally {
    await releaseAll(pool, quiets);
  }
}

function takeOne(pool: ImagePool, { source, snapshot }: SnapshotPair, signal: AbortSignal): Promise<void> {
  return pool.places.build(snapshot, (path) => cloneFile(pool, source, path), signal);
}
