import { errnoOf } from '../../errors.ts';
import type { Commands } from '../../host/command.ts';
import type { TreeSize } from '../../host/files.ts';
import type { Host } from '../../host/host.ts';

/** Trees of up to this many entries are counted in-process: cheaper than two children, and soon done. */
const SMALL_TREE_ENTRIES = 256;

/** What a folder's tree takes: allocated bytes and number of inodes, on one file system; large ones are counted by du(1) in children. */
export async function measureTree(host: Host, path: string, signal: AbortSignal): Promise<TreeSize> {
  const small = await measureSmall(host, path);
  if (small !== undefined) return small;
  const [bytes, inodes] = await Promise.all([
    diskUse(host.commands, ['--block-size=1'], path, signal),
    diskUse(host.commands, ['--inodes'], path, signal),
  ]);
  return { bytes, inodes };
}

async function measureSmall(host: Host, path: string): Promise<TreeSize | undefined> {
  try {
    return await host.files.measureSmallTree(path, SMALL_TREE_ENTRIES);
  } catch (error) {
    // A file went away while it was counted, or was swapped for a link: du passes over those.
    if (['ENOENT', 'ELOOP', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

async function diskUse(commands: Commands, options: string[], path: string, signal: AbortSignal): Promise<number> {
  // Exit code 1: a file went away while it was counted.
  const { stdout } = await commands.run('du', ['-s', '-x', ...options, '--', path], { signal, exitCodes: [0, 1] });
  const total = Number.parseInt(stdout, 10);
  return Number.isSafeInteger(total) ? total : 0;
}
