import { messageOf } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { endIfAborted } from '../signals.ts';
import type { BtrfsPool } from './context.ts';
import { holdVolume, recount } from './hold.ts';
import { checkIsBtrfs } from './plan.ts';
import { findLeftQgroups, sweepQgroups } from './sweep.ts';

/** Undoes what a dead process left: temporary subvolumes and qgroups without a volume; holds every volume to its limit again. */
export async function recoverPool(pool: BtrfsPool, items: readonly Item[], signal: AbortSignal): Promise<void> {
  await checkIsBtrfs(pool);
  await pool.places.emptyTemporary(signal);
  if (pool.settings.quota === 'advisory') return;
  const { btrfs, settings, log } = pool;
  await btrfs.enableQuotas(settings.path);
  for (const item of items) {
    endIfAborted(signal, `looking after the limits of pool ${settings.name}`);
    try {
      await holdVolume(pool, item);
    } catch (error) {
      log.warn({ item: item.id, error: messageOf(error) }, 'the limit of a volume could not be looked after');
    }
  }
  await findLeftQgroups(pool, items);
  await sweepQgroups(pool);
  await recount(pool);
}
