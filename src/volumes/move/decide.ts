import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../errors.ts';
import type { Context } from '../context.ts';
import type { AsideRecord, VolumeRecord } from '../record.ts';
import { undoArrival } from './arrival.ts';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

export type Decision =
  | { readonly volume: VolumeRecord }
  | { readonly volume?: undefined; readonly isOpen: boolean; readonly failure: unknown };

/**
 * Decides a move by one write: the record in the new pool becomes `ready`, with a generation above the old one's. Before it the old record says where
 * the volume may be, so that a start after a crash that finds only the old pool does not take it for the volume. A failure is undone; where even
 * that fails, the disk may have either, and the decision is open.
 */
export async function decide(
  context: Context,
  record: VolumeRecord,
  arriving: AsideRecord,
  targetHash: string,
): Promise<Decision> {
  try {
    const leaving = await context.store.update<VolumeRecord>(record, { movedTo: targetHash });
    const generation = Math.max(leaving.generation, arriving.generation);
    const change = { state: 'ready', movedTo: undefined } as const;
    return { volume: await context.store.update<VolumeRecord>({ ...arriving, generation }, change) };
  } catch (failure) {
    try {
      await takeBack(context, record, arriving);
      return { isOpen: false, failure };
    } catch (error) {
      return { isOpen: true, failure: new AggregateError([failure, error], messageOf(failure)) };
    }
  }
}

/** Tries until the new record cannot be taken for the volume any more. Until then the volume stays locked: what was written to it might be lost. */
export function keepTakingBack(
  context: Context,
  record: VolumeRecord,
  arriving: AsideRecord,
  release: () => void,
): void {
  context.log.error(
    { item: record.id, from: record.pool, to: arriving.pool },
    'whether a volume has moved cannot be written; it stays locked until it can, or until a restart finds what the disk has',
  );
  void context.jobs.start(`taking back the move of ${record.id}`, async (signal) => {
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(2 * waitMs, LAST_RETRY_MS)) {
      await delay(waitMs, undefined, { signal });
      try {
        await takeBack(context, record, arriving);
        break;
      } catch (error) {
        context.log.warn({ item: record.id, error: messageOf(error) }, 'a move could not be taken back; trying again');
      }
    }
    release();
  });
}

/** A `ready` that failed may have come as far as the disk: `arriving` is durable again before any data goes. */
async function takeBack(context: Context, record: VolumeRecord, arriving: AsideRecord): Promise<void> {
  const again = await context.store.update<AsideRecord>(arriving, { state: 'arriving' });
  await undoArrival(context, again);
  try {
    await context.store.update<VolumeRecord>(record, { movedTo: undefined });
  } catch (error) {
    context.log.warn(
      { item: record.id, error: messageOf(error) },
      'a volume that stayed says still that it was to move',
    );
  }
}
