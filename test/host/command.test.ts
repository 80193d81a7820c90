import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { StowageError } from '../../src/errors.ts';
import { createCommands, stuckChildren } from '../../src/host/command.ts';

const commands = createCommands();
const never = new AbortController().signal;

/** The state of a process in /proc: undefined where it has ended. */
async function stateOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text?.replace(/^.*\) /s, '').slice(0, 1);
}

describe('run', () => {
  it('answers with the output and the exit code', async () => {
    const result = await commands.run('sh', ['-c', 'echo out; echo err >&2'], { signal: never });
    expect(result).toEqual({ stdout: 'out', stderr: 'err', exitCode: 0 });
  });

  it('takes other exit codes as answers where told', async () => {
    const result = await commands.run('sh', ['-c', 'exit 3'], { signal: never, exitCodes: [0, 3] });
    expect(result.exitCode).toBe(3);
  });

  it('names the program, its arguments, the exit code and the end of stderr when it fails', async () => {
    const script = 'head -c 5000 /dev/zero | tr "\\0" x >&2; echo >&2; echo why >&2; exit 4';
    const failing = commands.run('sh', ['-c', script], { signal: never });
    const error = await failing.catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/^'sh -c .*exit code 4: x+\nwhy$/s),
    });
    expect(String(error).length).toBeLessThan(2200);
  });

  it('says what to install where the program is missing', async () => {
    await expect(commands.run('no-such-program', ['-x'], { signal: never })).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/no-such-program.*install/),
    });
  });

  it('says which signal ended the program', async () => {
    await expect(commands.run('sh', ['-c', 'kill -TERM $$'], { signal: never })).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringContaining('SIGTERM'),
    });
  });

  it('stops a program that writes more than 1 MiB', async () => {
    await expect(commands.run('cat', ['/dev/zero'], { signal: never })).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringContaining('wrote more than'),
    });
  });

  it('runs without a shell, input or a locale, in a process group of its own, and finds the tools in sbin', async () => {
    expect((await commands.run('printf', ['%s', '$HOME;*'], { signal: never })).stdout).toBe('$HOME;*');
    const script =
      'readlink /proc/$$/fd/0; echo $LC_ALL; echo $PATH; test $(cut -d" " -f5 /proc/$$/stat) = $$ && echo own';
    const { stdout } = await commands.run('sh', ['-c', script], { signal: never });
    const [input, locale, path, group] = stdout.split('\n');
    expect([input, locale, group]).toEqual(['/dev/null', 'C', 'own']);
    expect(path?.split(':')).toEqual(expect.arrayContaining(['/usr/sbin', '/sbin']));
  });
});

describe('the signal', () => {
  it('kills the whole process group', async () => {
    const controller = new AbortController();
    const pids: number[] = [];
    const running = commands.run('sh', ['-c', 'sleep 60 & echo $! >&2; wait'], { signal: controller.signal });
    const ended = running.catch((reason: unknown) => reason);
    await sleep(300);
    controller.abort();
    const error = await ended;
    expect(error).toMatchObject({ code: 'cancelled', message: expect.stringContaining('was killed') });
    pids.push(Number(/: (\d+)$/.exec(String(error))?.[1]));
    await sleep(50);
    for (const pid of pids) expect([undefined, 'Z']).toContain(await stateOf(pid));
  });

  it('is a timeout where the deadline passed', async () => {
    const running = commands.run('sleep', ['60'], { signal: AbortSignal.timeout(100) });
    await expect(running).rejects.toMatchObject({ code: 'timeout', message: expect.stringContaining('sleep 60') });
  });

  it('throws its own reason where that is one of ours', async () => {
    const reason = new StowageError('unavailable', 'shutting down');
    const controller = new AbortController();
    const running = commands.run('sleep', ['60'], { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(running).rejects.toBe(reason);
  });

  it('starts nothing where it was given before', async () => {
    await expect(commands.run('no-such-program', [], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
      message: expect.stringContaining('was not started'),
    });
  });

  it('ends the wait although a process outside the group holds the output', async () => {
    const startedAtMs = performance.now();
    const running = commands.run('sh', ['-c', 'setsid sleep 4 & exit 0'], { signal: AbortSignal.timeout(300) });
    await expect(running).rejects.toMatchObject({ code: 'timeout', message: expect.stringContaining('did not end') });
    expect(performance.now() - startedAtMs).toBeLessThan(3500);
    expect(stuckChildren()).toBe(1);
    for (let tries = 0; tries < 600 && stuckChildren() > 0; tries++) await sleep(10);
    expect(stuckChildren()).toBe(0);
  }, 15_000);
});
