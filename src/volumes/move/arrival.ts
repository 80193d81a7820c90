import type { VolumeOptions, Wish } from '../../backends/backend.ts';
import { messageOf, StowageError } from '../../errors.ts';
import { checkMaximum } from '../choose.ts';
import type { Context, ManagedPool } from '../context.ts';
import { folderName, hashPool, newId } from '../ids.ts';
import { poolOf } from '../lookup.ts';
import { addHeld } from '../make.ts';
import { type AsideRecord, holdsData, itemOf, type VolumeRecord } from '../record.ts';
import { clearMoveFolder } from './places.ts';
import { endAside } from './tombstones.ts';

/** How long removing what has arrived so far may take within the command; the trash goes on with the rest. */
const UNDO_TIMEOUT_MS = 30_000;

/**
 * The first step of a move: room in the target, and there a durable record in state `arriving`. Its folder is one of its own: two pools may
 * keep their data in one place (a volume group).
 * @throws what the target's plan says, 'exhausted' where there is no room, 'busy' while the target still removes the volume's data of before
 */
export async function beginArrival(
  context: Context,
  source: VolumeRecord,
  target: ManagedPool,
  wish: Wish,
): Promise<AsideRecord> {
  const tombstone = tombstoneIn(context, source.id, target);
  const [sourceHash, targetHash] = await Promise.all([poolOf(context, source), target].map(poolHashOf));
  const { added } = await target.turns(async () => {
    const plan = await target.backend.plan(wish, target.items);
    checkMaximum(target, plan.sizeBytes);
    const release = await target.room.hold(plan.sizeBytes, `volume ${source.name}`);
    const arriving: AsideRecord = {
      ...source,
      state: 'arriving',
      pool: target.name,
      folder: folderName(source.name, newId('volume', context.nodeHash, targetHash ?? '')),
      sizeBytes: plan.sizeBytes,
      reservedBytes: plan.sizeBytes,
      layout: plan.layout,
      options: knownOptions(source, target),
      movedFrom: sourceHash,
      movedTo: tombstone?.movedTo, // what to say again if this move is undone
    };
    return { added: enter(context, tombstone, arriving, release) };
  });
  return added;
}

/** Takes back what has arrived, with its record. What cannot be removed now is left to the trash. */
export async function undoArrival(context: Context, arriving: AsideRecord): Promise<void> {
  const pool = poolOf(context, arriving);
  try {
    await clearMoveFolder(context, arriving.id);
    await pool.backend.discard(itemOf(arriving));
    await pool.backend.purge(itemOf(arriving), AbortSignal.timeout(UNDO_TIMEOUT_MS));
    await endAside(context, arriving);
  } catch (error) {
    context.log.warn(
      { item: arriving.id, pool: pool.name, error: messageOf(error) },
      'removing what a move left behind failed; the trash goes on with it',
    );
    pool.trash.add(arriving);
  }
}

/** A short hash of the pool's UUID, as records name pools: their names may change. */
export async function poolHashOf(pool: ManagedPool): Promise<string> {
  return hashPool((await pool.check()).uuid);
}

/** Options that the target does not have stay behind. */
function knownOptions({ options }: VolumeRecord, { backend }: ManagedPool): VolumeOptions | undefined {
  const known = backend.features.options ?? [];
  if (options === undefined || known.length === 0) return undefined;
  const has = (name: keyof VolumeOptions) => known.includes(name);
  return {
    ...(has('compression') ? { compression: options.compression } : {}),
    ...(has('copyOnWrite') ? { copyOnWrite: options.copyOnWrite } : {}),
  };
}

/** The tombstone of a volume that comes back. */
function tombstoneIn(context: Context, volumeId: string, target: ManagedPool): AsideRecord | undefined {
  const there = context.catalog.asides(volumeId).find(({ pool }) => pool === target.name);
  if (there === undefined || !holdsData(there)) return there;
  throw new StowageError(
    'busy',
    `pool ${target.name} still removes what volume ${volumeId} had there before; call again when its trash is empty`,
  );
}

/** A tombstone is overwritten rather than removed: at no moment does the pool know nothing of the volume. */
async function enter(
  context: Context,
  tombstone: AsideRecord | undefined,
  arriving: AsideRecord,
  release: () => void,
): Promise<AsideRecord> {
  if (tombstone === undefined) return addHeld(context, arriving, release);
  try {
    return await context.store.update<AsideRecord>(tombstone, arriving);
  } catch (error) {
    await context.store.update<AsideRecord>(tombstone, {}).catch((again: unknown) => {
      context.log.warn({ item: arriving.id, error: messageOf(again) }, 'a tombstone could not be written again');
    });
    throw error;
  } finally {
    release();
  }
}
