import { messageOf } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { endIfAborted } from '../signals.ts';
import type { SnapshotPair } from '../snapshots.ts';
import { type LvmPool, STEP_TIMEOUT_MS } from './context.ts';
import { removeVolume, requireThere, takeSnapshot } from './create.ts';
import { requireRoom } from './limits.ts';
import { lvNames } from './names.ts';
import { requireThin } from './plan.ts';

/**
 * Takes thin snapshots, each at one moment of its volume, and several one after another: LVM takes each by a command of its own, does not
 * notice that it must tell the pool where the volume was suspended before by another (tried), and cannot suspend a file system that is
 * frozen already. All or none: those of a failed call are removed again, those of a dead process taken anew.
 */
export async function snapshotVolumes(
  pool: LvmPool,
  pairs: readonly SnapshotPair[],
  signal: AbortSignal,
): Promise<void> {
  requireThin(pool);
  const report = await pool.group.report();
  for (const { source } of pairs) requireThere(pool, report, source);
  const taken = pairs.filter(({ snapshot }) => report.own.has(lvNames(snapshot).live));
  if (taken.length === pairs.length) return;
  endIfAborted(signal, `taking ${pairs.length} snapshots`);
  requireRoom(pool, report, `taking ${pairs.length} snapshots in pool ${pool.settings.name}`);
  for (const { snapshot } of taken) await removeVolume(pool, lvNames(snapshot).live, 'taking snapshots anew', signal);
  try {
    for (const { source, snapshot } of pairs) {
      await takeSnapshot(pool, source, snapshot, lvNames(snapshot).live, signal);
    }
  } catch (error) {
    await removeTaken(
      pool,
      pairs.map(({ snapshot }) => snapshot),
    );
    throw error;
  }
}

/** Only what carries the snapshot's tag: something else may be in its place, and was the reason to fail. */
async function removeTaken(pool: LvmPool, snapshots: readonly Item[]): Promise<void> {
  const signal = AbortSignal.timeout(STEP_TIMEOUT_MS / 2);
  try {
    const { own } = await pool.group.settledReport(signal);
    for (const snapshot of snapshots) {
      const { live } = lvNames(snapshot);
      if (!own.get(live)?.tags.includes(snapshot.id)) continue;
      await removeVolume(pool, live, `removing snapshot ${snapshot.id} of a failed call`, signal);
    }
  } catch (error) {
    pool.log.warn({ error: messageOf(error) }, 'snapshots of a failed call stay until their deletion');
  }
}
