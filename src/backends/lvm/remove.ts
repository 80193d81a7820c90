import { messageOf, StowageError } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { lvmLayout } from '../layout.ts';
import { MIB } from '../sizes.ts';
import { type LvmPool, STEP_TIMEOUT_MS } from './context.ts';
import { removeVolume, renameVolume } from './create.ts';
import { lvNames } from './names.ts';
import { activate, closeVolume } from './open.ts';
import type { Report } from './report.ts';

/** How much is zeroed at once: a signal ends it in between, where a single call of the kernel could not be ended. */
const ZERO_SLICE_BYTES = 256 * MIB;

/** Renames the item's logical volume into the trash; see Backend.discard. */
export async function discardVolume(pool: LvmPool, item: Item): Promise<void> {
  const { trash } = lvNames(item);
  await moveAway(pool, item, trash, async ({ own }, signal) => {
    // An earlier attempt at this item may have left one there.
    if (own.has(trash)) await purgeVolume(pool, item, signal);
  });
}

/** Renames it to a name with the time; see Backend.archive. */
export async function archiveVolume(pool: LvmPool, item: Item, at: Date): Promise<void> {
  await moveAway(pool, item, lvNames(item).archive(at), async () => undefined);
}

/** Removes what is in the trash, and what is half made; see Backend.purge. */
export async function purgeVolume(pool: LvmPool, item: Item, signal: AbortSignal): Promise<void> {
  const { temporary, trash } = lvNames(item);
  const what = `removing ${item.kind} ${item.id}`;
  const { own } = await pool.group.settledReport(signal);
  if (own.has(temporary)) await removeVolume(pool, temporary, what, signal);
  const found = own.get(trash);
  if (found === undefined) return;
  // The next thick volume on these extents would show what they hold. A thin pool zeroes its blocks by itself.
  if (lvmLayout(item).type === 'thick') await overwrite(pool, item, found.sizeBytes, signal);
  await removeVolume(pool, trash, what, signal);
}

async function moveAway(
  pool: LvmPool,
  item: Item,
  to: string,
  makeRoom: (report: Report, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { live } = lvNames(item);
  const signal = AbortSignal.timeout(STEP_TIMEOUT_MS);
  const report = await pool.group.settledReport(signal);
  if (!report.own.has(live)) return;
  await closeVolume(pool, item, signal);
  await makeRoom(report, signal);
  await renameVolume(pool, live, to, `moving ${item.kind} ${item.id} away`, signal);
}

async function overwrite(pool: LvmPool, item: Item, sizeBytes: number, signal: AbortSignal): Promise<void> {
  const { trash } = lvNames(item);
  if ((await pool.devices.find(trash)) === undefined) await activate(pool, item, trash, signal);
  const device = await pool.devices.find(trash);
  if (device === undefined) throw new StowageError('internal', `LVM activated ${trash}, and there is no device`);
  let punches = true;
  for (let offset = 0; offset < sizeBytes; offset += ZERO_SLICE_BYTES) {
    const length = Math.min(ZERO_SLICE_BYTES, sizeBytes - offset);
    const range = ['--offset', String(offset), '--length', String(length), device.path];
    punches &&= await punch(pool, range, signal);
    if (!punches) await pool.host.commands.run('blkdiscard', ['--zeroout', ...range], { signal });
  }
}

/** Lets the disk make zeros by itself, giving back what it took (fallocate(2) on a block device); false where it cannot. */
async function punch(pool: LvmPool, range: readonly string[], signal: AbortSignal): Promise<boolean> {
  try {
    await pool.host.commands.run('fallocate', ['--punch-hole', ...range], { signal });
    return true;
  } catch (error) {
    if (!messageOf(error).includes('not supported')) throw error;
    return false;
  }
}
