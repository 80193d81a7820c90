import type { FileSystemStat } from '../../host/files.ts';
import type { Context } from '../context.ts';

/** Tells how many bytes have been written to a file system since now, also those that only memory has yet; undefined where nobody can say. */
export async function countWritten({ host }: Context, folder: string): Promise<() => Promise<number | undefined>> {
  // btrfs alone counts as taken only what a transaction has written, every 30 s.
  const start = await host.files.statfs(folder);
  const isBtrfs = start.type === 'btrfs';
  const before = isBtrfs ? await host.btrfs.dataBytes(folder) : takenBytes(start);
  return async () => {
    const now = isBtrfs ? await host.btrfs.dataBytes(folder) : takenBytes(await host.files.statfs(folder));
    return before === undefined || now === undefined ? undefined : Math.max(0, now - before);
  };
}

function takenBytes({ totalBytes, freeBytes }: FileSystemStat): number {
  return totalBytes - freeBytes;
}
