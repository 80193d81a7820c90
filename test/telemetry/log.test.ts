import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { createLog } from '../../src/telemetry/log.ts';

function logging(level: 'info' | 'debug') {
  const lines: string[] = [];
  return { lines, log: createLog(level, { write: (line) => lines.push(line) }) };
}

it('writes one line of JSON for each entry from its level on', () => {
  const { lines, log } = logging('info');
  log.debug('not this');
  log.info({ volumeId: 'v1.a' }, 'this\nand this');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^[^\n]*\n$/);
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    volumeId: 'v1.a',
    msg: 'this\nand this',
  });
});

it('shows the cause of an error', () => {
  const { lines, log } = logging('info');
  log.error({ err: new Error('above', { cause: new Error('beneath') }) }, 'failed');
  expect(lines.join('')).toContain('beneath');
});

it('never shows secrets or mount flags, wherever they are', () => {
  const { lines, log } = logging('debug');
  const secrets = { password: 'hunter2' };
  log.info({ secrets, request: { secrets }, a: { b: { secrets, mountFlags: ['hunter2'] } } }, 'call');
  log.child({ secrets }).info('call');
  expect(lines.join('')).not.toContain('hunter2');
});

it('lets the process live where its standard error cannot be written', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-log-'));
  try {
    const program = join(folder, 'logs.cjs');
    const contents = `import { createLog } from './src/telemetry/log.ts'; createLog('info').info('a'); setTimeout(() => console.log('alive'), 50);`;
    await build({
      stdin: { contents, resolveDir: '.' },
      bundle: true,
      platform: 'node',
      outfile: program,
      logLevel: 'error',
    });
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      'exec "$1" "$2" 2>/dev/full',
      'sh',
      process.execPath,
      program,
    ]);
    expect(stdout).toBe('alive\n');
  } finally {
    await rm(folder, { recursive: true });
  }
});
