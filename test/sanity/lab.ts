import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import type { Row } from './run-one.ts';

const LIMIT_SECONDS = 1500;

/** Runs these scenarios in the lab's guest, by this same program. Where that ends early, one more row says so. */
export async function runInLab(names: readonly string[], program: string, outFolder: string): Promise<Row[]> {
  const results = `${outFolder}/lab.json`;
  await rm(results, { force: true });
  const command = [process.execPath, program, '--here', '--out', results, ...names];
  const args = ['-m', '3G', '-t', String(LIMIT_SECONDS), '-w', outFolder, '--', ...command];
  const child = spawn('test/lab/run', args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const [exitCode] = await once(child, 'exit');
  const rows: Row[] = JSON.parse(await readFile(results, 'utf8').catch(() => '[]')); // none: told below
  const missing = names.filter((name) => rows.every(({ pool }) => pool !== name));
  if (exitCode === 0 && missing.length === 0) return rows;
  const left = missing.join(', ') || 'all of the last one';
  const problems = [`the lab ended with ${exitCode} (124: after ${LIMIT_SECONDS} s), without ${left}`];
  const failure: Row = {
    backend: 'lab',
    pool: '',
    access: 'mount',
    kernel: '',
    passed: 0,
    failed: 1,
    skipped: 0,
    problems,
  };
  return [...rows, failure];
}
