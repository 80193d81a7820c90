import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import type { Row } from './run-one.ts';

const LIMIT_SECONDS = 1500;

/** Runs these scenarios in the lab's guest, by this same program. */
export async function runInLab(names: readonly string[], program: string, outFolder: string): Promise<Row[]> {
  const results = `${outFolder}/lab.json`;
  await rm(results, { force: true });
  const command = [process.execPath, program, '--here', '--out', results, ...names];
  const args = ['-m', '3G', '-t', String(LIMIT_SECONDS), '-w', outFolder, '--', ...command];
  const child = spawn('test/lab/run', args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const [exitCode] = await once(child, 'exit');
  const text = await readFile(results, 'utf8').catch((cause: unknown) => {
    throw new Error(`the lab ended with ${exitCode} and gave no results`, { cause });
  });
  return JSON.parse(text);
}
