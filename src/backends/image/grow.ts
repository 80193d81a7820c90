import { messageOf, StowageError } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { imageLayout } from '../layout.ts';
import { explainFull } from '../room.ts';
import { roundUp } from '../sizes.ts';
import type { ImagePool } from './context.ts';

/** Makes the file larger, and its loop device where it is attached; see Backend.expand. */
export async function expandImage(pool: ImagePool, item: Item, sizeBytes: number, signal: AbortSignal): Promise<void> {
  const { files, loops } = pool.host;
  const wanted = roundUp(sizeBytes);
  await pool.places.at(item, async (path) => {
    const file = await files.stat(path);
    if (file?.type !== 'file') {
      throw new StowageError('data-loss', `volume ${item.id}: its file ${pool.places.path(item)} is missing`);
    }
    try {
      if (imageLayout(item).preallocated) await files.allocate(path, Math.max(wanted, file.sizeBytes), signal);
      if (file.sizeBytes < wanted) await files.grow(path, wanted);
    } catch (error) {
      throw explainFull(error, `growing volume ${item.id} to ${wanted} bytes`);
    }
    // Also where the file is that large: the process may have died between the two.
    if ((await loops.find(path)) !== undefined) await loops.resize(path);
  });
}

/**
 * Grows the mounted file system to its device; see Backend.grow. Both programs do nothing where it is that large, in a few
 * milliseconds, so they are simply run.
 */
export async function growFileSystem(
  pool: ImagePool,
  item: Item,
  mountPoint: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { content } = imageLayout(item);
  if (content.type === 'block' || mountPoint === undefined) return;
  const mount = (await pool.host.mounts.table()).at(mountPoint);
  if (mount === undefined) {
    throw new StowageError('precondition', `volume ${item.id} is not mounted at ${mountPoint}: stage it first`);
  }
  // A file system that is mounted read-only cannot grow, and needs to only when it is written to.
  if (mount.superOptions.includes('ro')) return;
  const [program, target] = content.fsType === 'xfs' ? ['xfs_growfs', mountPoint] : ['resize2fs', mount.source];
  try {
    await pool.host.commands.run(program, [target], { signal });
  } catch (error) {
    throw explainNotPermitted(error, item);
  }
}

/** ext4 grows only for holders of CAP_SYS_RESOURCE, and only without errors (ext4_resize_begin in the kernel). */
function explainNotPermitted(error: unknown, item: Item): unknown {
  if (!messageOf(error).includes('Permission denied to resize')) return error;
  return new StowageError(
    'precondition',
    `volume ${item.id}: the kernel does not let its mounted ext4 file system grow: run the driver privileged (CAP_SYS_RESOURCE), and see the kernel log for errors of the file system`,
    { cause: error },
  );
}
