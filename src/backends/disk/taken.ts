import { isStowageError } from '../../errors.ts';
import type { Disk } from '../../host/disks.ts';
import type { Item } from '../backend.ts';
import { diskLayout } from '../layout.ts';
import { allClaims } from './claim.ts';
import type { DiskPool } from './context.ts';
import { type DiskId, parseDiskId } from './id.ts';
import type { FoundDisk } from './look.ts';

/**
 * Tells which disks are volumes': by the records, and by the claims, since a record may be damaged. A disk in the place of one that is a
 * volume's counts as taken too: it is never used silently.
 */
export async function takenDisks(pool: DiskPool, items: readonly Item[]): Promise<(found: FoundDisk) => boolean> {
  const texts = [...items.map((item) => diskLayout(item).disk), ...(await allClaims(pool)).map(({ disk }) => disk)];
  const ids = [...new Set(texts)].map(parseDiskId);
  const numbers = new Set<string>();
  for (const id of ids) {
    if (id.type !== 'device') continue;
    // The same disk may have been named by another link then.
    const disk = await findDisk(pool, id.path);
    if (disk !== undefined) numbers.add(disk.number);
  }
  return (found) => (found.type === 'device' && numbers.has(found.disk.number)) || ids.some((id) => isSame(id, found));
}

/** Where another thing has taken the disk's name, it has no number. */
async function findDisk(pool: DiskPool, path: string): Promise<Disk | undefined> {
  try {
    return await pool.host.disks.find(path);
  } catch (error) {
    if (isStowageError(error, 'precondition')) return undefined;
    throw error;
  }
}

function isSame(id: DiskId, found: FoundDisk): boolean {
  if (id.type === 'device') {
    if (found.type !== 'device') return false;
    return id.path === found.name || (id.hardwareId !== '' && id.hardwareId === found.disk.hardwareId);
  }
  if (found.type !== 'folder') return false;
  return found.uuid === undefined ? id.mountPoint === found.name : id.uuid === found.uuid;
}
