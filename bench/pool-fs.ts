import { join } from 'node:path';
import type { Cleanup } from '../src/cli/demo/cleanup.ts';
import { makeEmbeddedPool } from '../src/cli/demo/pool.ts';
import type { Host } from '../src/host/host.ts';

export type PoolFileSystem = 'xfs' | 'btrfs' | 'tmpfs';

const UNDO_TIMEOUT_MS = 30_000;

/** A file system of its own, mounted beneath `folder`, which exists: on a file with direct I/O, or in memory. @returns where it is mounted */
export async function makePoolFileSystem(
  host: Host,
  kind: PoolFileSystem,
  { folder, sizeBytes, cleanup }: { folder: string; sizeBytes: number; cleanup: Cleanup },
): Promise<string> {
  const signal = new AbortController().signal;
  if (kind === 'xfs') return (await makeEmbeddedPool(host, folder, sizeBytes, cleanup, signal)).path;
  const path = join(folder, 'pool');
  await host.files.makeFolder(path, 0o755);
  const source =
    kind === 'tmpfs'
      ? ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'bench']
      : ['-t', 'btrfs', await makeBtrfs(host, join(folder, 'pool.img'), sizeBytes, cleanup)];
  await host.commands.run('mount', [...source, path], { signal });
  cleanup.add(`mount ${path}`, async () => {
    await host.commands.run('umount', [path], { signal: AbortSignal.timeout(UNDO_TIMEOUT_MS) });
  });
  return path;
}

async function makeBtrfs(host: Host, file: string, sizeBytes: number, cleanup: Cleanup): Promise<string> {
  await host.files.createSparse(file, sizeBytes);
  await host.commands.run('mkfs.btrfs', ['-q', '-f', file], { signal: AbortSignal.timeout(UNDO_TIMEOUT_MS) });
  cleanup.add(`loop device of ${file}`, () => host.loops.detach(file));
  return (await host.loops.attach(file, { blockSizeBytes: 4096, readOnly: false })).path;
}
