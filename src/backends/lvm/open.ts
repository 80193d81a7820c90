import { messageOf, StowageError } from '../../errors.ts';
import type { Item, Opened } from '../backend.ts';
import { mountOptions } from '../block/mounted.ts';
import { lvmLayout } from '../layout.ts';
import type { LvmPool } from './context.ts';
import type { Device } from './devices.ts';
import { lvNames } from './names.ts';

/** Activates the logical volume; one that is active is kept. 'data-loss' where it is missing. */
export async function openVolume(pool: LvmPool, item: Item, signal: AbortSignal): Promise<Opened> {
  const there = await openedVolume(pool, item);
  if (there !== undefined) return there;
  await activate(pool, item, lvNames(item).live, signal);
  const opened = await openedVolume(pool, item);
  if (opened === undefined) throw new StowageError('internal', `LVM activated ${item.id}, and there is no device`);
  return opened;
}

/** What openVolume gave, if it is active now. */
export async function openedVolume(pool: LvmPool, item: Item): Promise<Opened | undefined> {
  const device = await pool.devices.find(lvNames(item).live);
  return device === undefined ? undefined : describe(item, device);
}

/** Deactivates it; nothing where it is not active. 'busy' where it is mounted or otherwise in use. */
export async function closeVolume(pool: LvmPool, item: Item, signal: AbortSignal): Promise<void> {
  const { live } = lvNames(item);
  const device = await pool.devices.find(live);
  if (device === undefined) return;
  const [mount] = await pool.devices.mounts(device);
  if (mount !== undefined) {
    throw new StowageError(
      'busy',
      `volume ${item.id} is still mounted at ${mount.mountPoint}: unpublish and unstage it`,
    );
  }
  await deactivate(pool, item, live, signal);
}

/** Activates one of the item's logical volumes, also where it is one that nothing else activates (-K). */
export async function activate(pool: LvmPool, item: Item, lvName: string, signal: AbortSignal): Promise<void> {
  const name = `${pool.settings.volumeGroup}/${lvName}`;
  try {
    await pool.group.change('lvchange', ['-ay', '-K', name], `opening ${item.kind} ${item.id}`, signal);
  } catch (error) {
    if (!messageOf(error).includes('Failed to find logical volume')) throw error;
    throw new StowageError('data-loss', `${item.kind} ${item.id}: its logical volume ${name} is missing`, {
      cause: error,
    });
  }
}

export async function deactivate(pool: LvmPool, item: Item, lvName: string, signal: AbortSignal): Promise<void> {
  const name = `${pool.settings.volumeGroup}/${lvName}`;
  try {
    await pool.group.change('lvchange', ['-an', name], `closing ${item.kind} ${item.id}`, signal);
  } catch (error) {
    if (!/in use/.test(messageOf(error))) throw error;
    throw new StowageError(
      'busy',
      `${item.kind} ${item.id}: its device ${name} is still in use: unpublish and unstage it, and see fuser(1) for processes that have it open`,
      { cause: error },
    );
  }
}

function describe(item: Item, device: Device): Opened {
  const { content, type } = lvmLayout(item);
  return {
    type: 'device',
    path: device.path,
    fsType: content.type === 'block' ? undefined : content.fsType,
    mountOptions: mountOptions(content, { discard: type === 'thin' }),
  };
}
