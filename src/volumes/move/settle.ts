import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { Context } from '../context.ts';
import { refuseIfInUse } from '../in-use.ts';
import { keysOfUse, withLocks } from '../locks.ts';
import { poolOf } from '../lookup.ts';
import { holdsData, itemOf, type VolumeRecord } from '../record.ts';
import { undoArrival } from './arrival.ts';
import { finishMove, sendToTrash } from './departure.ts';
import { moveFolder } from './places.ts';
import { dropTombstones } from './tombstones.ts';
import { awayPool, isMoving, poolOfHash } from './whereabouts.ts';

const JOB = 'settling moves';

/** How long letting go of what an interrupted move had open may take. */
const CLOSE_TIMEOUT_MS = 10_000;

/** Undoes and finishes moves that a dead process left, in the background; to be called whenever a pool has been opened. */
export function startSettling(context: Context): void {
  if (context.jobs.stopping()) return;
  const running = context.jobs.running(JOB);
  if (running === undefined) void context.jobs.start(JOB, () => settleMoves(context));
  else void running.then(() => startSettling(context));
}

/** Settles when what was begun so far is done. */
export async function settled(context: Context): Promise<void> {
  await context.jobs.running(JOB);
}

/** A volume that is in use now, or whose other pool is away, is left to a later start. Never rejects. */
async function settleMoves(context: Context): Promise<void> {
  await Promise.allSettled([...context.pools.values()].map((pool) => pool.check())); // those that are just being opened
  const left = await context.host.files.list(join(context.config.stateDir, 'move')).catch((error: unknown) => {
    context.log.warn({ error: messageOf(error) }, 'what interrupted moves had open is looked at by the next start');
    return [];
  });
  for (const id of new Set([...left, ...unsettled(context)])) {
    try {
      await withLocks(context.locks, `settling the move of ${id}`, keysOfUse(id), () => settle(context, id));
    } catch (error) {
      context.log.warn(
        { item: id, error: messageOf(error) },
        'an interrupted move is not settled yet; the next start tries again',
      );
    }
  }
}

/** Ids of volumes with a trace of a move that is not over; a tombstone is none while its volume exists. */
function* unsettled(context: Context): Iterable<string> {
  for (const record of context.catalog.all()) {
    if (record.kind !== 'volume' || (record.movedFrom ?? record.movedTo) === undefined) continue;
    if (holdsData(record) || context.catalog.volume(record.id) === undefined) yield record.id;
  }
}

async function settle(context: Context, id: string): Promise<void> {
  for (const aside of context.catalog.asides(id)) if (aside.state === 'arriving') await undoArrival(context, aside);
  const volume = context.catalog.volume(id);
  const source = volume?.movedFrom === undefined ? undefined : poolOfHash(context, volume.movedFrom);
  for (const aside of context.catalog.asides(id))
    if (aside.state === 'departed' && aside.pool !== source?.name) await sendToTrash(context, aside);
  if (volume?.state === 'ready') await forgetIntent(context, await finishMove(context, volume));
  await dropTombstones(context, id);
  await closeLeftOpen(context, id);
}

/** It is known now that the volume did not get to the other pool. */
async function forgetIntent(context: Context, volume: VolumeRecord): Promise<void> {
  if (!isMoving(volume) || awayPool(context, volume.movedTo) !== undefined) return;
  await context.store.update<VolumeRecord>(volume, { movedTo: undefined });
}

/** A process that dies leaves the device of the volume attached that it was copying from. */
async function closeLeftOpen(context: Context, id: string): Promise<void> {
  const marker = moveFolder(context, id);
  if ((await context.host.files.stat(marker)) === undefined) return;
  const volume = context.catalog.volume(id);
  if (volume?.state === 'ready') {
    const pool = poolOf(context, volume);
    await refuseIfInUse(context, pool, volume);
    await pool.backend.close(itemOf(volume), AbortSignal.timeout(CLOSE_TIMEOUT_MS));
  }
  await context.host.files.removeFolder(marker);
}
