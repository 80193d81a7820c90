import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { endIfAborted } from '../signals.ts';
import type { SnapshotPair } from '../snapshots.ts';
import type { BtrfsPool } from './context.ts';

/** How often snapshots of several volumes are tried again for one transaction. */
const ATTEMPTS_MAX = 6;

const CLEANUP_TIMEOUT_MS = 30_000;

/** A snapshot that is taken in a temporary folder of its own: two in one folder wait for one another. */
interface Nested extends SnapshotPair {
  readonly nest: Item; // the folder, as places name it
}

/** Takes snapshots of several volumes in one transaction, where that succeeds within some attempts; then moves them to their places. All or none. */
export async function takeTogether(
  pool: BtrfsPool,
  pairs: readonly SnapshotPair[],
  signal: AbortSignal,
): Promise<void> {
  const nested = pairs.map((pair) => ({ ...pair, nest: nestOf(pair.snapshot) }));
  const temporary = await pool.host.files.openFolder(pool.settings.path, '.stowage/tmp');
  try {
    await takeInNests(pool, nested, temporary.path, signal);
    await moveToPlaces(pool, nested, temporary.path, signal);
  } finally {
    for (const { nest } of nested) await removeNest(pool, nest);
    await temporary.close();
  }
}

async function takeInNests(pool: BtrfsPool, nested: readonly Nested[], temporary: string, signal: AbortSignal) {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    endIfAborted(signal, `taking ${nested.length} snapshots`);
    for (const { nest } of nested) {
      await pool.places.purge(nest, signal);
      await pool.host.files.makeFolder(join(temporary, nest.folder), 0o700, 'later');
    }
    if (await takeOnce(pool, nested, temporary)) return;
  }
  const snapshots = nested.map(({ snapshot }) => snapshot.id);
  pool.log.warn({ snapshots }, 'the snapshots of a group are of transactions some milliseconds apart');
}

/** @returns true if all are of one transaction */
async function takeOnce({ btrfs, settings }: BtrfsPool, nested: readonly Nested[], temporary: string) {
  const targets = nested.map(({ source, nest }) => ({
    from: join(settings.path, 'volumes', source.folder),
    to: madeIn(temporary, nest),
  }));
  await btrfs.snapshotTogether(targets);
  const infos = await Promise.all(targets.map(({ to }) => btrfs.subvolume(to)));
  return new Set(infos.map((info) => info?.createdInTransaction)).size === 1;
}

async function moveToPlaces(pool: BtrfsPool, nested: readonly Nested[], temporary: string, signal: AbortSignal) {
  const { places, host } = pool;
  const placed: Item[] = [];
  try {
    for (const { snapshot, nest } of nested) {
      await places.build(snapshot, (path) => host.files.rename(madeIn(temporary, nest), path, 'later'), signal);
      placed.push(snapshot);
    }
  } catch (error) {
    for (const snapshot of placed) await places.undo(snapshot);
    throw error;
  }
}

async function removeNest({ places, log }: BtrfsPool, nest: Item): Promise<void> {
  try {
    await places.purge(nest, AbortSignal.timeout(CLEANUP_TIMEOUT_MS));
  } catch (error) {
    log.warn({ item: nest.id, error: messageOf(error) }, 'a temporary folder stays until the next start');
  }
}

function nestOf(snapshot: Item): Item {
  return { ...snapshot, folder: `${snapshot.folder}-together` };
}

function madeIn(temporary: string, nest: Item): string {
  return join(temporary, nest.folder, 'made');
}
