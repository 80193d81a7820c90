import { StowageError } from '../../errors.ts';
import type { Disk } from '../../host/disks.ts';
import type { MountEntry } from '../../host/mounts.ts';
import type { Item } from '../backend.ts';
import { diskLayout } from '../layout.ts';
import type { DiskPool } from './context.ts';
import { whyAway } from './free.ts';
import { parseDiskId } from './id.ts';
import { discovered } from './look.ts';
import { readMarker } from './marker.ts';

/** A volume's disk, found and verified. */
export type Located =
  | { readonly type: 'device'; readonly disk: Disk }
  | { readonly type: 'folder'; readonly mount: MountEntry };

/**
 * The item's disk, where it is now.
 * @throws 'unavailable' where it is missing or does not answer, 'data-loss' where another disk is in its place
 */
export async function locate(pool: DiskPool, item: Item): Promise<Located> {
  const id = parseDiskId(diskLayout(item).disk);
  if (id.type === 'folder') {
    const mount = await findByMarker(pool, id.uuid);
    if (mount !== undefined) return { type: 'folder', mount };
    throw missing(item, `file system ${id.uuid}, last mounted at ${id.mountPoint}`);
  }
  const disk = await pool.host.disks.find(id.path);
  if (disk === undefined) throw missing(item, id.path);
  if (disk.hardwareId === '' && id.hardwareId !== '') {
    throw new StowageError(
      'unavailable',
      `volume ${item.id}: ${id.path} does not say its id, which is ${id.hardwareId}`,
    );
  }
  if (disk.hardwareId !== id.hardwareId) {
    throw another(item, id.path, `its id is ${show(disk.hardwareId)}, not ${show(id.hardwareId)}`);
  }
  const away = whyAway(disk);
  if (away !== undefined)
    throw new StowageError('unavailable', `volume ${item.id}: ${id.path} does not answer: ${away}`);
  const grew = disk.sizeBytes > item.sizeBytes && id.hardwareId !== ''; // a virtual disk can; the volume stays as it is
  if (disk.sizeBytes !== item.sizeBytes && !grew) {
    throw another(item, id.path, `it has ${disk.sizeBytes} bytes, not ${item.sizeBytes}`);
  }
  return { type: 'device', disk };
}

/** The file system beneath the discovery folder that has this UUID in our marker. Throws 'unavailable' where two have. */
export async function findByMarker(pool: DiskPool, uuid: string): Promise<MountEntry | undefined> {
  const table = await pool.host.mounts.table();
  const found: MountEntry[] = [];
  let failure: unknown;
  for (const path of await discovered(pool)) {
    const mount = table.at(path);
    if (mount === undefined) continue;
    try {
      if ((await readMarker(pool, mount)) === uuid) found.push(mount);
    } catch (error) {
      failure ??= error; // another one's, as long as the one that is wanted is found
    }
  }
  const [first, second] = found;
  if (second !== undefined) {
    throw new StowageError(
      'unavailable',
      `file system ${uuid} is mounted at ${first?.mountPoint} and at ${second.mountPoint}: unmount the one that is a copy`,
    );
  }
  if (first === undefined && failure !== undefined) throw failure;
  return first;
}

function missing(item: Item, what: string): StowageError {
  return new StowageError('unavailable', `volume ${item.id}: its disk is missing (${what}); bring it back`);
}

function another(item: Item, path: string, how: string): StowageError {
  return new StowageError(
    'data-loss',
    `volume ${item.id}: another disk is at ${path}: ${how}; bring the volume's own disk back`,
  );
}

function show(hardwareId: string): string {
  return hardwareId === '' ? 'none' : hardwareId;
}
