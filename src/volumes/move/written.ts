import type { Context } from '../context.ts';

/** Tells how many bytes have been written to a file system since now, also those that only memory has yet; undefined where nobody can say. */
export async function countWritten({ host }: Context, folder: string): Promise<() => Promise<number | undefined>> {
  // btrfs alone counts as taken only what a transaction has written, every 30 s.
  const isBtrfs = (await host.files.statfs(folder)).type === 'btrfs';
  const taken = () => (isBtrfs ? host.btrfs.dataBytes(folder) : takenBytes({ host }, folder));
  const before = await taken();
  return async () => {
    const now = await taken();
    return before === undefined || now === undefined ? undefined : Math.max(0, now - before);
  };
}

async function takenBytes({ host }: Pick<Context, 'host'>, folder: string): Promise<number> {
  const { totalBytes, freeBytes } = await host.files.statfs(folder);
  return totalBytes - freeBytes;
}
