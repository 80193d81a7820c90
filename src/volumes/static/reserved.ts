import { join, relative } from 'node:path';
import { StowageError } from '../../errors.ts';
import type { OpenPath } from '../../host/files.ts';
import type { MountEntry, MountTable } from '../../host/mounts.ts';
import { deviceNumber, type Place, placeOf } from '../../staging/mounted.ts';
import type { Context } from '../context.ts';
import { refuseOwnDevice, takenDisks } from './devices.ts';
import { isWithin, type Reserved, refused } from './refused.ts';

/** Where something open lies, by the mount that it was opened on. @throws 'busy' where that mount went away meanwhile */
export function placeOfOpened(table: MountTable, opened: OpenPath): Place & { readonly mount: MountEntry } {
  const mount = table.entries.find(({ id }) => id === opened.mountId);
  if (mount === undefined)
    throw new StowageError('busy', `the file system of ${opened.path} was unmounted meanwhile; call again`);
  return { mount, device: mount.device, root: join(mount.root, relative(mount.mountPoint, opened.path)) };
}

/**
 * Refuses what is Stowage's own, by whatever link or mount it was reached: the folders of pools and the state folder, what holds them or lies in them, and the
 * devices that they are on. The config keeps the paths apart; mounts and links may bring them together.
 * @throws 'precondition' naming it
 */
export async function refuseReserved(
  context: Context,
  opened: OpenPath,
  table: MountTable,
  use: 'bind' | 'make something in',
): Promise<void> {
  const place = placeOfOpened(table, opened);
  const reserved = await reservedPlaces(context, table);
  const device = opened.stat.type === 'block' ? deviceNumber(opened.stat.rdev) : undefined;
  const hit = reserved.find(
    (other) =>
      other.device === device ||
      (other.device === place.device &&
        (isWithin(place.root, other.root) || (use === 'bind' && isWithin(other.root, place.root)))),
  );
  if (hit !== undefined) throw refused(opened.path, hit.what);
  if (device !== undefined) await refuseOwnDevice(context, opened.path, device);
}

async function reservedPlaces(context: Context, table: MountTable): Promise<Reserved[]> {
  const stateDir = await context.host.files.resolveParent(join(context.config.stateDir, 'static'));
  return [
    ...(await takenDisks(context, table)),
    { what: 'the state folder', ...placeOf(table, join(stateDir, '..')) },
    ...[...context.pools.values()].map(({ name, config }) => ({
      what: `pool ${name}`,
      ...placeOf(table, config.path),
    })),
  ];
}
