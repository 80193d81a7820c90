import { describe, expect, it } from '@jest/globals';
import { createCleanup } from '../../../src/cli/demo/cleanup.ts';
import { createRunner, timeTable } from '../../../src/cli/demo/runner.ts';
import { createScreen } from '../../../src/cli/demo/screen.ts';

describe('the cleanup stack', () => {
  it('undoes in reverse order, goes on after a failure and says what failed', async () => {
    const undone: string[] = [];
    const cleanup = createCleanup();
    cleanup.add('folder', async () => {
      undone.push('folder');
    });
    cleanup.add('mount', async () => {
      throw new Error('busy');
    });
    cleanup.add('driver', async () => {
      undone.push('driver');
    });
    expect(await cleanup.run()).toEqual(['mount: busy']);
    expect(undone).toEqual(['driver', 'folder']);
  });

  it('undoes each thing once', async () => {
    let times = 0;
    const cleanup = createCleanup();
    cleanup.add('thing', async () => {
      times++;
    });
    await cleanup.run();
    await cleanup.run();
    expect(times).toBe(1);
  });
});

describe('the runner', () => {
  const screen = createScreen({ write: () => undefined, terminal: false, colours: false });

  it('numbers and times what succeeded', async () => {
    const runner = createRunner(screen, new AbortController().signal);
    expect(await runner.run('one', async () => 1)).toBe(1);
    await expect(runner.run('two', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(runner.times.map(({ title }) => title)).toEqual(['one']);
  });

  it('starts nothing after the signal', async () => {
    const interrupt = new AbortController();
    const runner = createRunner(screen, interrupt.signal);
    interrupt.abort(new Error('interrupted'));
    await expect(runner.run('one', async () => 1)).rejects.toThrow('interrupted');
  });

  it('sums up', () =>
    expect(
      timeTable([
        { title: 'make', durationMs: 5 },
        { title: 'start', durationMs: 400 },
      ]),
    ).toEqual(['#  step     took', '-  -----  ------', '1  make   5.0 ms', '2  start  400 ms', '   all    405 ms']));
});
