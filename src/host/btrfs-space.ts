import { fileSystemInfo } from './btrfs-ioctl.ts';
import { readIfThere } from './if-there.ts';

/** Where data lies: `mixed` with metadata on small file systems. */
const KINDS = ['data', 'mixed'];
/** Written by a transaction; in their place, but not in a transaction yet; waiting for a place. */
const STATES = ['bytes_used', 'bytes_reserved', 'bytes_may_use'];

/** See Btrfs.dataBytes. */
export async function dataBytes(fd: number, path: string): Promise<number | undefined> {
  const { uuid } = await fileSystemInfo(fd, path);
  const files = KINDS.flatMap((kind) => STATES.map((state) => `/sys/fs/btrfs/${uuid}/allocation/${kind}/${state}`));
  const found = await Promise.all(files.map(readIfThere));
  const counts = found.filter((text) => text !== undefined).map(Number);
  return counts.length === 0 ? undefined : counts.reduce((sum, bytes) => sum + bytes, 0);
}
