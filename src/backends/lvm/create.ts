import { messageOf, StowageError } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { format } from '../block/format.ts';
import { lvmLayout } from '../layout.ts';
import { endIfAborted } from '../signals.ts';
import { type LvmPool, STEP_TIMEOUT_MS } from './context.ts';
import { requireRoom, thinPoolOf } from './limits.ts';
import { type LvNames, lvNames, tagArguments } from './names.ts';
import { requireThin } from './plan.ts';
import type { Report } from './report.ts';

/** One volume being made. */
interface Making {
  readonly pool: LvmPool;
  readonly item: Item;
  readonly names: LvNames;
  readonly what: string;
  readonly signal: AbortSignal;
}

/** Makes the item's logical volume, new or as a snapshot of the source's; see Backend.create. */
export async function createVolume(
  pool: LvmPool,
  item: Item,
  source: Item | undefined,
  signal: AbortSignal,
): Promise<void> {
  const report = await pool.group.report();
  const names = lvNames(item);
  if (report.own.has(names.live)) return;
  const what = `making ${item.kind} ${item.id}`;
  endIfAborted(signal, what);
  if (source !== undefined) {
    requireThin(pool);
    requireThere(pool, report, source);
  }
  requireRoom(pool, report, what);
  const making = { pool, item, names, what, signal };
  if (report.own.has(names.temporary)) await removeVolume(pool, names.temporary, what, signal);
  try {
    if (source === undefined) await makeNew(making, thinPoolOf(pool, report)?.name);
    else await makeFrom(making, report, source);
  } catch (error) {
    await removeHalfMade(making);
    throw error;
  }
}

/** Throws 'data-loss' where the item's logical volume is missing. */
export function requireThere(pool: LvmPool, report: Report, item: Item): void {
  const { live } = lvNames(item);
  if (report.own.has(live)) return;
  throw new StowageError(
    'data-loss',
    `${item.kind} ${item.id}: its logical volume ${pool.settings.volumeGroup}/${live} is missing`,
  );
}

/** A thin snapshot of `source`, inactive until it is opened. LVM holds a mounted source's writers still for that moment (dm suspend freezes). */
export async function takeSnapshot(
  pool: LvmPool,
  source: Item,
  item: Item,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const from = `${pool.settings.volumeGroup}/${lvNames(source).live}`;
  const args = ['--snapshot', '--setactivationskip', 'y', '-an', ...tagArguments(item), '--name', name, from];
  await pool.group.change('lvcreate', args, `taking ${item.kind} ${item.id} from ${source.id}`, signal);
}

export async function removeVolume(pool: LvmPool, lvName: string, what: string, signal: AbortSignal): Promise<void> {
  await pool.group.change('lvremove', ['--force', `${pool.settings.volumeGroup}/${lvName}`], what, signal);
}

export async function renameVolume(
  pool: LvmPool,
  from: string,
  to: string,
  what: string,
  signal: AbortSignal,
): Promise<void> {
  await pool.group.change('lvrename', [pool.settings.volumeGroup, from, to], what, signal);
}

/** An empty thin raw block volume is complete with its first command; all others get their name last. */
async function makeNew(making: Making, thinPool: string | undefined): Promise<void> {
  const { pool, item, names, what, signal } = making;
  const { content } = lvmLayout(item);
  const { volumeGroup } = pool.settings;
  const isDone = thinPool !== undefined && content.type === 'block';
  const kind =
    thinPool === undefined
      ? ['--type', 'linear', '--size', `${item.sizeBytes}b`, '--wipesignatures', 'y', '--zero', 'y']
      : ['--type', 'thin', '--virtualsize', `${item.sizeBytes}b`, '--thinpool', thinPool];
  const named = [...tagArguments(item), '--name', isDone ? names.live : names.temporary];
  const active = isDone ? ['-an'] : ['-ay'];
  await pool.group.change('lvcreate', [...kind, ...active, ...named, volumeGroup], what, signal);
  if (isDone) return;
  await fillNew(making, thinPool !== undefined);
  await pool.group.change('lvchange', ['-an', `${volumeGroup}/${names.temporary}`], what, signal);
  await renameVolume(pool, names.temporary, names.live, what, signal);
}

async function fillNew({ pool, item, names, what, signal }: Making, zeroed: boolean): Promise<void> {
  const { content } = lvmLayout(item);
  const device = await pool.devices.find(names.temporary);
  if (device === undefined) throw new StowageError('internal', `${what}: LVM gave ${names.temporary} no device`);
  await format(pool.host.commands, content, { zeroed }, device.path, signal);
}

/** The file system in a larger copy is grown when it is first mounted, since only a mounted one can be. */
async function makeFrom({ pool, item, names, what, signal }: Making, report: Report, source: Item): Promise<void> {
  const sourceBytes = report.own.get(lvNames(source).live)?.sizeBytes ?? item.sizeBytes;
  if (sourceBytes >= item.sizeBytes) return takeSnapshot(pool, source, item, names.live, signal);
  const temporary = `${pool.settings.volumeGroup}/${names.temporary}`;
  await takeSnapshot(pool, source, item, names.temporary, signal);
  await pool.group.change('lvextend', ['--size', `${item.sizeBytes}b`, temporary], what, signal);
  await renameVolume(pool, names.temporary, names.live, what, signal);
}

/** Also what a command makes that went on after its caller's deadline: its turn comes before this one. */
async function removeHalfMade({ pool, item, names, what }: Making): Promise<void> {
  const signal = AbortSignal.timeout(STEP_TIMEOUT_MS / 2);
  try {
    const there = (await pool.group.settledReport(signal)).own;
    for (const name of [names.temporary, names.live]) {
      if (there.has(name)) await removeVolume(pool, name, `${what} failed: removing it`, signal);
    }
  } catch (error) {
    pool.log.warn(
      { item: item.id, error: messageOf(error) },
      'a half-made logical volume stays until its deletion or the next start',
    );
  }
}
