import type { Item } from '../backend.ts';
import { findAttached } from './attached.ts';
import type { ImagePool } from './context.ts';

/** Super options with which ext4 says that it gave up (since Linux 6.10). */
const GIVEN_UP = ['emergency_ro', 'shutdown'];

/** Words for what is wrong with the item's file or the file system in it, while that is mounted; undefined where nothing is. */
export async function imageCondition(pool: ImagePool, item: Item): Promise<string | undefined> {
  const path = pool.places.path(item);
  const file = await pool.places.at(item, (safePath) => pool.host.files.stat(safePath));
  if (file === undefined) return `its file ${path} is missing`;
  if (file.type !== 'file') return `${path} is a ${file.type}, not a file`;
  if (item.kind === 'volume' && file.sizeBytes < item.sizeBytes) {
    return `its file ${path} has ${file.sizeBytes} bytes, not ${item.sizeBytes}: it was truncated`;
  }
  const mounts = (await findAttached(pool, item))?.mounts ?? [];
  const givenUp = mounts.find((mount) => mount.superOptions.some((option) => GIVEN_UP.includes(option)));
  // Mounted for writing everywhere, and yet read-only: older kernels set the superblock so after an error.
  const remounted = mounts.find((mount) => mount.superOptions.includes('ro'));
  const wanted = mounts.every((mount) => mount.options.includes('rw'));
  if (givenUp === undefined && !(remounted !== undefined && wanted)) return undefined;
  return 'its file system stopped writing after an error: see the kernel log, stop its pods and check it with fsck';
}
