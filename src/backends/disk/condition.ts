import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { Disk } from '../../host/disks.ts';
import type { MountEntry } from '../../host/mounts.ts';
import type { Item } from '../backend.ts';
import { mountedProblem } from '../health.ts';
import { readClaim } from './claim.ts';
import type { DiskPool } from './context.ts';
import { mountsOfDisk } from './free.ts';
import { locate } from './locate.ts';
import { VOLUME_FOLDER } from './marker.ts';

const READ_TIMEOUT_MS = 5_000;

/** Words for what is wrong with the volume's disk, or the file system on it; undefined where nothing is. */
export async function diskCondition(pool: DiskPool, item: Item): Promise<string | undefined> {
  try {
    const claim = await readClaim(pool, item);
    if (claim === undefined) return `its claim ${pool.places.path(item)} is missing`;
    const located = await locate(pool, item);
    if (located.type === 'folder') return await folderCondition(pool, located.mount);
    return (
      (await mountedProblem(pool.host, mountsOfDisk(await pool.host.mounts.table(), located.disk))) ??
      (await whyFailing(pool, located.disk, claim.errorCount))
    );
  } catch (error) {
    return messageOf(error);
  }
}

/** Words for a disk that answers with errors: more than there were when it was taken, or to a read now. */
export async function whyFailing(pool: DiskPool, disk: Disk, errorsBefore: number): Promise<string | undefined> {
  // The kernel counts anew after a restart.
  const errors = disk.errorCount >= errorsBefore ? disk.errorCount - errorsBefore : disk.errorCount;
  if (errors > 0)
    return `${disk.path} answered ${errors} commands with errors since the volume was made: see the kernel log`;
  return pool.reads.get(disk.number, () => whyUnreadable(pool, disk.path));
}

/** Reads a block past all caches, in a child that a dying disk may hold up. */
async function whyUnreadable(pool: DiskPool, path: string): Promise<string | undefined> {
  const args = [`if=${path}`, 'of=/dev/null', 'bs=4096', 'count=1', 'iflag=direct', 'status=none'];
  try {
    await pool.host.commands.run('dd', args, { signal: AbortSignal.timeout(READ_TIMEOUT_MS) });
    return undefined;
  } catch (error) {
    return `${path} cannot be read: ${messageOf(error)}`;
  }
}

async function folderCondition(pool: DiskPool, mount: MountEntry): Promise<string | undefined> {
  const problem = await mountedProblem(pool.host, [mount]);
  if (problem !== undefined) return problem;
  const path = join(mount.mountPoint, VOLUME_FOLDER);
  const found = await pool.host.files.stat(path);
  if (found?.type !== 'folder') return `its folder ${path} is ${found === undefined ? 'missing' : `a ${found.type}`}`;
  if (!mount.source.startsWith('/dev/')) return undefined;
  const disk = await pool.host.disks.find(mount.source);
  // Not of this machine's /dev, or one of several that btrfs has: there is no single disk to ask.
  if (disk === undefined || disk.number !== mount.device) return undefined;
  return pool.reads.get(disk.number, () => whyUnreadable(pool, disk.path));
}
