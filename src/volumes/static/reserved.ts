import { join, relative } from 'node:path';
import { StowageError } from '../../errors.ts';
import type { OpenPath } from '../../host/files.ts';
import type { MountEntry, MountTable } from '../../host/mounts.ts';
import { deviceNumber, type Place, placeOf } from '../../staging/mounted.ts';
import type { Context } from '../context.ts';

/** Where something open lies, by the mount that it was opened on. @throws 'busy' where that mount went away meanwhile */
export function placeOfOpened(table: MountTable, opened: OpenPath): Place & { readonly mount: MountEntry } {
  const mount = table.entries.find(({ id }) => id === opened.mountId);
  if (mount === undefined)
    throw new StowageError('busy', `the file system of ${opened.path} was unmounted meanwhile; call again`);
  return { mount, device: mount.device, root: join(mount.root, relative(mount.mountPoint, opened.path)) };
}

interface Reserved extends Place {
  readonly what: string;
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
  if (device !== undefined) await refuseOwnLoop(context, opened.path, device);
}

async function reservedPlaces(context: Context, table: MountTable): Promise<Reserved[]> {
  const stateDir = await context.host.files.resolveParent(join(context.config.stateDir, 'static'));
  return [
    { what: 'the state folder', ...placeOf(table, join(stateDir, '..')) },
    ...[...context.pools.values()].map(({ name, config }) => ({
      what: `pool ${name}`,
      ...placeOf(table, config.path),
    })),
  ];
}

/** A loop device on a volume's file is that volume. */
async function refuseOwnLoop(context: Context, path: string, device: string): Promise<void> {
  const loop = (await context.host.loops.list()).find(({ number }) => number === device);
  if (loop === undefined) return;
  for (const { name, config } of context.pools.values())
    if (isWithin(loop.backingFile, config.path)) throw refused(path, `pool ${name}`);
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

function refused(path: string, what: string): StowageError {
  return new StowageError(
    'precondition',
    `host path ${path} lies in ${what} of this driver, holds it, or is its device; use another path`,
  );
}
