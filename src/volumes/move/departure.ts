import { messageOf, StowageError } from '../../errors.ts';
import type { Context, ManagedPool } from '../context.ts';
import { poolOf } from '../lookup.ts';
import { type AsideRecord, holdsData, itemOf, type VolumeRecord } from '../record.ts';
import { poolHashOf } from './arrival.ts';
import { awayPool, poolOfHash } from './whereabouts.ts';

/**
 * The last steps of a move that is decided: the old record says `departed`, its data goes to the trash, and then the volume's own record says
 * that nothing is left to do. Nothing where that is so. The caller holds the volume's lock.
 * @returns the volume's record as it is then
 * @throws 'unavailable' while the old pool is away: until its record says `departed`, it could bring the volume back to life
 */
export async function finishMove(context: Context, record: VolumeRecord): Promise<VolumeRecord> {
  const { movedFrom } = record;
  if (movedFrom === undefined) return record;
  const source = poolOfHash(context, movedFrom);
  const away = source === undefined ? awayPool(context, movedFrom) : undefined;
  if (away !== undefined) {
    throw new StowageError(
      'unavailable',
      `the move of volume ${record.id} to pool ${record.pool} has to be ended in pool ${away}; bring that back, or say \`stowage pool forget\``,
    );
  }
  if (source !== undefined) {
    await source.check();
    const old = context.catalog.asides(record.id).find(({ pool }) => pool === source.name);
    if (old !== undefined) await depart(context, source, old, await poolHashOf(poolOf(context, record)));
  }
  return context.store.update<VolumeRecord>(record, { movedFrom: undefined });
}

/** Moves the data of a volume that is elsewhere now to the trash. */
export async function sendToTrash(context: Context, departed: AsideRecord): Promise<void> {
  if (!holdsData(departed)) return;
  const pool = poolOf(context, departed);
  try {
    await pool.backend.discard(itemOf(departed));
  } catch (error) {
    context.log.warn(
      { item: departed.id, pool: pool.name, error: messageOf(error) },
      'what a moved volume left behind could not be moved to the trash; it will be',
    );
  }
  pool.trash.add(departed); // which moves it, if that failed now
}

async function depart(context: Context, pool: ManagedPool, old: AsideRecord, movedTo: string): Promise<void> {
  if (old.state !== 'departed') {
    throw new StowageError('internal', `volume ${old.id} is ${old.state} in pool ${pool.name}, and moved from there`);
  }
  await sendToTrash(context, await context.store.update<AsideRecord>(old, { movedTo, movedFrom: undefined }));
}
