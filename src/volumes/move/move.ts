import { endIfAborted } from '../../backends/signals.ts';
import { nearest } from '../../config/nearest.ts';
import { messageOf, StowageError } from '../../errors.ts';
import type { Context, ManagedPool } from '../context.ts';
import { parseId } from '../ids.ts';
import { refuseIfInUse } from '../in-use.ts';
import { keysOfUse } from '../locks.ts';
import { needReady } from '../lookup.ts';
import { applyOptions } from '../options.ts';
import { type AsideRecord, itemOf, type VolumeRecord } from '../record.ts';
import { beginArrival, poolHashOf, undoArrival } from './arrival.ts';
import { copyContent } from './copy.ts';
import { decide, keepTakingBack } from './decide.ts';
import { finishMove } from './departure.ts';
import { clearMoveFolder } from './places.ts';
import type { MoveEvent, Report } from './progress.ts';
import { wishFor } from './wish.ts';

export interface MoveRequest {
  readonly volume: string; // id or name
  readonly pool: string;
}

export interface Moved {
  readonly id: string;
  readonly pool: string;
  readonly wasThere: boolean; // nothing was to be done
}

/**
 * Moves a volume to another pool of this node. Until its record in the new pool says `ready` the volume is in the old one, from then on in the
 * new one: what ends the move before is undone, after it finished, also by a later start. Called again it goes on where there is something to do.
 * @throws 'precondition' while the volume is in use, 'not-found' for a volume or pool that is not here, 'exhausted' where there is no
 * room, 'invalid' where the pool cannot hold such a volume, 'busy' while another call has it
 */
export async function moveVolume(
  context: Context,
  request: MoveRequest,
  report: Report,
  signal: AbortSignal,
): Promise<Moved> {
  if (context.jobs.stopping()) throw new StowageError('unavailable', 'the driver is stopping; call again');
  const id = await findId(context, request.volume);
  const target = findPool(context, request.pool);
  const job = `move of ${id}`;
  if (context.jobs.running(job) !== undefined) throw new StowageError('busy', `volume ${id} is being moved already`);
  const tell = (event: MoveEvent) => {
    context.log.info({ item: id, pool: target.name, ...event }, 'moving a volume');
    report(event);
  };
  let moved: Moved | undefined;
  // A job, so that a shutdown ends it and waits for it.
  await context.jobs.start(job, async (jobSignal) => {
    moved = await moveTo(context, id, target, tell, AbortSignal.any([signal, jobSignal]));
  });
  if (moved === undefined) throw new StowageError('internal', `the move of volume ${id} ended without a result`);
  return moved;
}

async function moveTo(
  context: Context,
  id: string,
  target: ManagedPool,
  report: Report,
  signal: AbortSignal,
): Promise<Moved> {
  const release = context.locks.take(`moving volume ${id} to pool ${target.name}`, keysOfUse(id));
  let isOpen = false; // whether it moved is not known yet
  try {
    const { pool: source, record: found } = await needReady(context, 'volume', id);
    const record = await finishMove(context, found);
    if (source.name === target.name) return { id, pool: target.name, wasThere: true };
    await clearMoveFolder(context, id); // what could not be unmounted before is no use by others
    await refuseIfInUse(context, source, record);
    const targetHash = await poolHashOf(target);
    const arriving = await beginArrival(context, record, target, await wishFor(context, source, record, target));
    const { name, pool: from } = record;
    report({ type: 'began', id, name, from, to: target.name, sizeBytes: arriving.sizeBytes });
    await fill(context, source, record, target, arriving, report, signal);
    const decision = await decide(context, record, arriving, targetHash);
    if (decision.volume === undefined) {
      isOpen = decision.isOpen;
      if (isOpen) keepTakingBack(context, record, arriving, release);
      throw decision.failure;
    }
    report({ type: 'decided' });
    await finish(context, decision.volume);
    return { id, pool: target.name, wasThere: false };
  } finally {
    if (!isOpen) release();
  }
}

/** Makes the data in the target, or undoes all of it. */
async function fill(
  context: Context,
  source: ManagedPool,
  record: VolumeRecord,
  target: ManagedPool,
  arriving: AsideRecord,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  try {
    const to = { pool: target, item: itemOf(arriving) };
    await target.backend.create(to.item, undefined, signal);
    await applyOptions(target, arriving, arriving.options, signal);
    await copyContent(context, { pool: source, item: itemOf(record) }, to, report, signal);
    endIfAborted(signal, `moving volume ${record.id}`);
    await target.check(); // it still is the pool that the data is in
  } catch (error) {
    await undoArrival(context, arriving);
    throw error;
  }
}

/** The volume has moved: what fails from here on only keeps its old data for longer. */
async function finish(context: Context, volume: VolumeRecord): Promise<void> {
  try {
    await finishMove(context, volume);
  } catch (error) {
    context.log.warn(
      { item: volume.id, error: messageOf(error) },
      'a moved volume is not gone from its old pool yet; its deletion, another move or the next start tries again',
    );
  }
}

async function findId(context: Context, volume: string): Promise<string> {
  const { origin } = parseId(volume);
  if (origin === 'ours') return volume;
  const problems: string[] = [];
  for (const pool of context.pools.values())
    await pool.check().catch((error: unknown) => problems.push(messageOf(error)));
  const record = context.catalog.byName('volume', volume);
  if (record !== undefined) return record.id;
  if (problems.length === 0)
    throw new StowageError('not-found', `node ${context.nodeId} has no volume of id or name ${JSON.stringify(volume)}`);
  throw new StowageError(
    'unavailable',
    `volume ${JSON.stringify(volume)} may be in a pool that is away: ${problems.join('; ')}`,
  );
}

function findPool(context: Context, name: string): ManagedPool {
  const pool = context.pools.get(name);
  if (pool !== undefined) return pool;
  const names = [...context.pools.keys()];
  const hint = nearest(name, names);
  throw new StowageError(
    'not-found',
    `node ${context.nodeId} has no pool ${JSON.stringify(name)}${hint === undefined ? '' : ` (did you mean ${hint}?)`}; its pools: ${names.join(', ')}`,
  );
}
