import { join } from 'node:path';
import { isStowageError, StowageError } from '../../errors.ts';
import type { Disk } from '../../host/disks.ts';
import type { DiskContent, Item, Opened } from '../backend.ts';
import { diskLayout } from '../layout.ts';
import { type Claim, readClaim } from './claim.ts';
import type { DiskPool } from './context.ts';
import { mountsOfDisk, nodeBinds } from './free.ts';
import { type Located, locate } from './locate.ts';
import { VOLUME_FOLDER } from './marker.ts';

/** True if the item has its disk, ready for use. */
export async function isClaimed(pool: DiskPool, item: Item): Promise<boolean> {
  return (await readClaim(pool, item))?.phase === 'ready';
}

/** Finds the item's disk and makes sure that it is the one; see Backend.open. */
export async function openDisk(pool: DiskPool, item: Item, signal: AbortSignal): Promise<Opened> {
  const claim = await readClaim(pool, item);
  if (claim?.phase !== 'ready') {
    throw new StowageError('data-loss', `volume ${item.id}: its claim ${pool.places.path(item)} is missing`);
  }
  const located = await locate(pool, item);
  if (located.type === 'folder') await checkFolder(pool, item, located.mount.mountPoint);
  else await checkContent(pool, item, claim, located.disk, signal);
  return describe(item, located);
}

/** What openDisk gave, as long as the disk is there: nothing need be done to open it. */
export async function openedDisk(pool: DiskPool, item: Item): Promise<Opened | undefined> {
  if (!(await isClaimed(pool, item))) return undefined;
  try {
    return describe(item, await locate(pool, item));
  } catch (error) {
    if (isStowageError(error, 'unavailable', 'data-loss', 'precondition')) return undefined;
    throw error;
  }
}

/** 'busy' where the disk is mounted. One that was published read-only is made writable again: the flag would outlive the volume. */
export async function closeDisk(pool: DiskPool, item: Item): Promise<void> {
  const opened = await openedDisk(pool, item);
  if (opened?.type !== 'device') return;
  const disk = await pool.host.disks.find(opened.path);
  if (disk === undefined) return;
  const table = await pool.host.mounts.table();
  const [mount] = mountsOfDisk(table, disk);
  if (mount !== undefined) {
    throw new StowageError(
      'busy',
      `volume ${item.id} is still mounted at ${mount.mountPoint}: unpublish and unstage it`,
    );
  }
  if (disk.readOnly && nodeBinds(table, disk).length === 0) await pool.host.loops.setReadOnly(disk.path, false);
}

/** Throws 'data-loss' where the volume's folder is missing in its file system. */
async function checkFolder(pool: DiskPool, item: Item, mountPoint: string): Promise<void> {
  const path = join(mountPoint, VOLUME_FOLDER);
  const found = await pool.host.files.stat(path);
  if (found?.type === 'folder') return;
  throw new StowageError(
    'data-loss',
    `volume ${item.id}: its folder ${path} is ${found === undefined ? 'missing' : `a ${found.type}`}`,
  );
}

/** A disk without a hardware id is told by its file system. */
async function checkContent(pool: DiskPool, item: Item, claim: Claim, disk: Disk, signal: AbortSignal): Promise<void> {
  if (claim.fsUuid === undefined || mountsOfDisk(await pool.host.mounts.table(), disk).length > 0) return;
  const args = ['--probe', '--match-tag', 'UUID', '--output', 'value', disk.path];
  const { stdout } = await pool.host.commands.run('blkid', args, { signal, exitCodes: [0, 2] }); // 2: nothing found
  if (stdout === claim.fsUuid) return;
  throw new StowageError(
    'data-loss',
    `volume ${item.id}: ${disk.path} holds ${stdout === '' ? 'no file system' : `file system ${stdout}`}, not ${claim.fsUuid}: it is another disk, or was overwritten`,
  );
}

function describe(item: Item, located: Located): Opened {
  if (located.type === 'folder') return { type: 'folder', path: join(located.mount.mountPoint, VOLUME_FOLDER) };
  const { content } = diskLayout(item);
  return { type: 'device', path: located.disk.path, ...mountOf(content) };
}

/** ext4 stops writing at damage, as XFS always does, rather than making it worse. */
function mountOf(content: DiskContent): { fsType: string | undefined; mountOptions: string[] } {
  if (content.type !== 'mount') return { fsType: undefined, mountOptions: [] };
  return { fsType: content.fsType, mountOptions: content.fsType === 'ext4' ? ['errors=remount-ro'] : [] };
}
