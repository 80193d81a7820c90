import type { Commands } from '../../host/command.ts';

/** What a folder's tree takes: allocated bytes and number of inodes, counted by du(1) in children, on one file system. */
export async function measureTree(
  commands: Commands,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly bytes: number; readonly inodes: number }> {
  const [bytes, inodes] = await Promise.all([
    diskUse(commands, ['--block-size=1'], path, signal),
    diskUse(commands, ['--inodes'], path, signal),
  ]);
  return { bytes, inodes };
}

async function diskUse(commands: Commands, options: string[], path: string, signal: AbortSignal): Promise<number> {
  // Exit code 1: a file went away while it was counted.
  const { stdout } = await commands.run('du', ['-s', '-x', ...options, '--', path], { signal, exitCodes: [0, 1] });
  const total = Number.parseInt(stdout, 10);
  return Number.isSafeInteger(total) ? total : 0;
}
