import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createScreen, wantsColours } from '../../../src/cli/demo/screen.ts';

const MIB = 1024 ** 2;

function capture(terminal: boolean, colours: boolean) {
  let text = '';
  let clockMs = 0;
  const output = {
    terminal,
    colours,
    write: (part: string) => {
      text += part;
    },
  };
  const screen = createScreen(output, () => clockMs);
  return {
    screen,
    text: () => text,
    wait: (ms: number) => {
      clockMs += ms;
    },
  };
}

describe('the screen', () => {
  it('shows a call with its arguments, its answer and its time', () => {
    const { screen, text } = capture(false, false);
    screen.step(3, 'Create a volume');
    screen.call('CreateVolume', { name: 'data', secret: undefined }, { volumeId: 'v1' }, 12.3);
    screen.fact('df', 'size 1 GiB');
    screen.done(13);
    expect(text()).toBe(
      [
        '',
        '  3  Create a volume',
        '     > CreateVolume name=data (12 ms)',
        '       < volumeId=v1',
        '       df         size 1 GiB',
        '     ok 13 ms',
        '',
      ].join('\n'),
    );
  });

  it('shows a call without arguments and answer in one line', () => {
    const { screen, text } = capture(false, false);
    screen.call('Probe', {}, {}, 1);
    expect(text()).toBe('     > Probe (1.0 ms)\n');
  });

  it('writes no escape sequence where colours are off, and some where they are on', () => {
    for (const colours of [false, true]) {
      const { screen, text } = capture(colours, colours);
      screen.headline('x');
      screen.warning('y');
      expect(text().includes('\u001b[')).toBe(colours);
    }
  });
});

describe('progress', () => {
  it('is silent for what takes less than a second', () => {
    const { screen, text, wait } = capture(true, false);
    const progress = screen.progress('writing', 4 * MIB);
    wait(900);
    progress.at(2 * MIB);
    progress.end();
    expect(text()).toBe('');
  });

  it('redraws one line on a terminal, not more than ten times a second, and removes it at the end', () => {
    const { screen, text, wait } = capture(true, false);
    const progress = screen.progress('writing', 4 * MIB);
    wait(1000);
    progress.at(2 * MIB);
    wait(50);
    progress.at(3 * MIB);
    progress.end();
    progress.end();
    expect(text()).toBe(`\r\u001b[K       writing [###############...............] 2 MiB of 4 MiB\r\u001b[K`);
  });

  it('writes a plain line for each quarter elsewhere', () => {
    const { screen, text, wait } = capture(false, false);
    const progress = screen.progress('writing', 8 * MIB);
    wait(2000);
    for (const done of [1, 2, 3, 4, 8]) progress.at(done * MIB);
    progress.end();
    expect(
      text()
        .split('\n')
        .map((line) => line.replace(/^.*\] /, '')),
    ).toEqual(['2 MiB of 8 MiB', '4 MiB of 8 MiB', '8 MiB of 8 MiB', '']);
  });
});

describe('waiting', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it.each([true, false])('shows how long from the first second on, only on a terminal (%s)', (terminal) => {
    jest.useFakeTimers();
    const { screen, text, wait } = capture(terminal, false);
    const end = screen.waiting('CreateVolume');
    wait(500);
    jest.advanceTimersByTime(100);
    expect(text()).toBe('');
    wait(500);
    jest.advanceTimersByTime(100);
    end();
    end();
    const line = `       CreateVolume [${'.'.repeat(10)}#${'.'.repeat(19)}] 1.0 s`;
    expect(text()).toBe(terminal ? `\r\u001b[K${line}\r\u001b[K` : '');
  });
});

describe('wantsColours', () => {
  it.each([
    [true, {}, true],
    [true, { NO_COLOR: '' }, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
  ])('terminal %s with %j: %s', (terminal, environment, wanted) =>
    expect(wantsColours(terminal, environment)).toBe(wanted),
  );
});
