import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StowageError } from '../../src/errors.ts';
import { createCommands } from '../../src/host/command.ts';

/** The contract allows 1 s after the signal; the rest is for a busy machine. */
const SETTLED_WITHIN_MS = 1500;

const commands = createCommands();
const system = promisify(execFile);

let folder = '';
let undo: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-stuck-'));
  undo = [() => rm(folder, { recursive: true, force: true })];
});

afterEach(async () => {
  for (const step of undo.reverse()) await step();
});

/** The process id that a script writes into a file, once it has. */
async function pidIn(file: string): Promise<number> {
  for (let tries = 0; tries < 250; tries++) {
    const { stdout } = await system('cat', [file]).catch(() => ({ stdout: '' }));
    if (stdout.endsWith('\n')) return Number(stdout);
    await sleep(20);
  }
  throw new Error(`${file} was not written`);
}

/** How long after `signal` the promise settles. */
async function settledAfterMs(signal: AbortSignal, promise: Promise<unknown>): Promise<number> {
  const aborted = new Promise<number>((resolve) => {
    signal.addEventListener('abort', () => resolve(performance.now()), { once: true });
  });
  await Promise.allSettled([promise]);
  return performance.now() - (await aborted);
}

/** A mounted ext4 that is frozen: writers wait in it, and no signal ends their wait. Undone after the test. */
async function frozenMount(): Promise<{ readonly path: string; readonly thaw: () => Promise<unknown> }> {
  const image = join(folder, 'image');
  const path = join(folder, 'mount');
  await mkdir(path);
  await system('truncate', ['-s', '16M', image]);
  await system('mkfs.ext4', ['-q', '-F', image]);
  await system('mount', ['-o', 'loop', image, path]);
  undo.push(() => system('umount', [path]));
  await system('fsfreeze', ['-f', path]);
  let isFrozen = true;
  const thaw = async () => {
    if (isFrozen) await system('fsfreeze', ['-u', path]);
    isFrozen = false;
  };
  undo.push(thaw);
  return { path, thaw };
}

describe('a command that outlives its kill', () => {
  it('is given up in time where it waits in the kernel, and that is said', async () => {
    const { path, thaw } = await frozenMount();
    const pidFile = join(folder, 'pid');
    const signal = AbortSignal.timeout(500);
    const script = `echo $$ > ${pidFile}; exec touch ${join(path, 'waits')}`;
    const running = commands.run('sh', ['-c', script], { signal });
    const outcome = expect(running).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('did not end'),
    });
    expect(await settledAfterMs(signal, running)).toBeLessThan(SETTLED_WITHIN_MS);
    await outcome;
    const stat = await readFile(`/proc/${await pidIn(pidFile)}/stat`, 'utf8');
    expect(stat).toContain(') D ');
    await thaw();
    await sleep(100); // it ends, and lets go of the mount
  });

  it('is given up in time where a process outside its group holds the output, and the reason of the signal says so too', async () => {
    const pidFile = join(folder, 'pid');
    const controller = new AbortController();
    const script = `setsid sh -c 'echo $$ > ${pidFile}; exec sleep 60' & wait`;
    const running = commands.run('sh', ['-c', script], { signal: controller.signal });
    const reason = new StowageError('unavailable', 'the server is away');
    const outcome = expect(running).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^the server is away; .*did not end/),
      cause: reason,
    });
    const stranger = await pidIn(pidFile);
    undo.push(async () => process.kill(stranger, 'SIGKILL'));
    const settled = settledAfterMs(controller.signal, running);
    controller.abort(reason);
    expect(await settled).toBeLessThan(SETTLED_WITHIN_MS);
    await outcome;
  });
});
