import { basename } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { LoopDevice } from '../../host/loop.ts';
import type { Item } from '../backend.ts';
import { mountsOf } from './attached.ts';
import type { ImagePool } from './context.ts';

/** What the kernel appends to the path of a loop device's file that was unlinked. */
const DELETED = ' (deleted)';

/**
 * Undoes what a dead process left: see Backend.recover. Our file systems are thawed without asking who froze them, which
 * the kernel does not tell: a frozen one whose thawer died would hang its pods for good, while a backup that an
 * administrator takes at the very moment of our start loses only its stillness.
 */
export async function recoverImages(pool: ImagePool, items: readonly Item[], signal: AbortSignal): Promise<void> {
  const known = new Set(items.map((item) => pool.places.path(item)));
  const devices = (await pool.host.loops.list()).filter((device) => isOurs(pool, device));
  for (const device of devices) {
    const mounts = await mountsOf(pool, device);
    const mountPoint = mounts[0]?.mountPoint;
    if (mountPoint !== undefined) await thaw(pool, mountPoint);
    else if (!known.has(device.backingFile) && !(await isBound(pool, device))) await detach(pool, device, signal);
  }
  await pool.places.emptyTemporary(signal);
  await learnCloning(pool);
}

/** A pool that is full or read-only cannot be asked now, and its volumes are used all the same: the first copy asks again. */
async function learnCloning(pool: ImagePool): Promise<void> {
  try {
    await pool.canClone();
  } catch (error) {
    pool.log.warn(
      { pool: pool.settings.name, error: messageOf(error) },
      'whether files can be cloned is not known yet',
    );
  }
}

function isOurs(pool: ImagePool, device: LoopDevice): boolean {
  return device.backingFile.startsWith(`${pool.settings.path}/`);
}

/** True of a raw block device that is staged: its node is bound somewhere. Its record may be there and only not be readable. */
async function isBound(pool: ImagePool, { path }: LoopDevice): Promise<boolean> {
  const { entries } = await pool.host.mounts.table();
  return entries.some(({ root }) => root === `/${basename(path)}`);
}

async function thaw(pool: ImagePool, mountPoint: string): Promise<void> {
  try {
    await pool.host.freezer.thaw(mountPoint);
  } catch (error) {
    pool.log.error(
      { pool: pool.settings.name, mountPoint, error: messageOf(error) },
      'a file system could not be thawed',
    );
  }
}

/**
 * Detaches a device whose file is no volume any more. By the device, since a deleted file has no path; losetup(8) lets
 * go of one that is still open when it is closed.
 */
async function detach(pool: ImagePool, device: LoopDevice, signal: AbortSignal): Promise<void> {
  const file = basename(device.backingFile.replace(DELETED, ''));
  pool.log.warn({ pool: pool.settings.name, device: device.path, file }, 'detaching a loop device that no volume has');
  try {
    await pool.host.commands.run('losetup', ['--detach', device.path], { signal });
  } catch (error) {
    pool.log.warn({ device: device.path, error: messageOf(error) }, 'the loop device stays attached');
  }
}
