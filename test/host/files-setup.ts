import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createCommands } from '../../src/host/command.ts';
import { createFiles, type Files } from '../../src/host/files.ts';
import { createMounts } from '../../src/host/mounts.ts';

const execute = promisify(execFile);

export function makeFiles(runFolder?: string): Files {
  const commands = createCommands();
  return createFiles(commands, createMounts(commands), runFolder);
}

/** Runs a bash script with `args` as $1, $2, ...; gives what it wrote. */
export async function sh(script: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute('bash', ['-euc', script, 'bash', ...args], { maxBuffer: 16 * 1024 ** 2 });
  return stdout.trim();
}

/** A limit for what a test waits for. */
export const soon = () => AbortSignal.timeout(30_000);
