import type { Wish } from '../backends/backend.ts';
import { checkMaximum } from './choose.ts';
import type { Context, ManagedPool } from './context.ts';
import { folderName, hashPool, newId } from './ids.ts';
import { addHeld, asExhausted } from './make.ts';
import { SCHEMA, type VolumeRecord } from './record.ts';

/** What a record of a new volume takes from whoever asks for it. */
export type Given = Pick<VolumeRecord, 'name' | 'access' | 'onDelete'> &
  Partial<Pick<VolumeRecord, 'source' | 'ephemeral' | 'options'>>;

/**
 * The first steps of a new volume, up to its record in state `creating`, which is durable before what the backend then makes: how large, where, and is there room. The pool has been checked.
 * @throws 'exhausted' where there is no room, 'out-of-range' and 'invalid' as the backend's plan does
 */
export async function beginVolume(
  context: Context,
  pool: ManagedPool,
  given: Given,
  wish: Wish,
): Promise<VolumeRecord> {
  try {
    const { uuid } = pool.identity() ?? (await pool.check()); // seen by that check: on a share each look is a wait
    const durability = (await pool.backend.isJournaled?.()) ? 'later' : 'now';
    const { added } = await pool.turns(async () => {
      const plan = await pool.backend.plan(wish, pool.items);
      checkMaximum(pool, plan.sizeBytes);
      const release = await pool.room.hold(plan.sizeBytes, `volume ${given.name}`);
      const id = newId('volume', context.nodeHash, hashPool(uuid));
      const record: VolumeRecord = {
        ...given,
        schema: SCHEMA,
        generation: 1,
        kind: 'volume',
        id,
        createdAt: new Date().toISOString(),
        state: 'creating',
        pool: pool.name,
        folder: folderName(given.name, id),
        sizeBytes: plan.sizeBytes,
        reservedBytes: plan.sizeBytes,
        layout: plan.layout,
        attached: [],
      };
      // The catalog has it at once: the next plan need not wait until it is on the disk.
      return { added: addHeld(context, record, release, durability) };
    });
    return await added;
  } catch (error) {
    throw asExhausted(pool, error);
  }
}
