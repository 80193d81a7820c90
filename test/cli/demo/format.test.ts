import { describe, expect, it } from '@jest/globals';
import { formatArguments, formatBar, formatBytes, formatMs, formatTable } from '../../../src/cli/demo/format.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [1024 ** 3, '1 GiB'],
    [1.5 * 1024 ** 3, '1.5 GiB'],
    [5000 * 1024 ** 4, '5000 TiB'],
  ])('%d is %s', (sizeBytes, text) => expect(formatBytes(sizeBytes)).toBe(text));
});

describe('formatMs', () => {
  it.each([
    [0.04, '0.0 ms'],
    [9.94, '9.9 ms'],
    [12.4, '12 ms'],
    [999, '999 ms'],
    [3400, '3.4 s'],
  ])('%d is %s', (durationMs, text) => expect(formatMs(durationMs)).toBe(text));
});

describe('formatBar', () => {
  it.each([
    [-1, '[....]'],
    [0, '[....]'],
    [0.5, '[##..]'],
    [1, '[####]'],
    [2, '[####]'],
  ])('%d is %s', (fraction, bar) => expect(formatBar(fraction, 4)).toBe(bar));
});

describe('formatTable', () => {
  it('aligns columns and fills missing cells', () => {
    const columns = [
      { title: 'step', align: 'left' },
      { title: 'took', align: 'right' },
    ] as const;
    expect(formatTable(columns, [['make', '5 ms'], ['start a driver']])).toEqual([
      'step            took',
      '--------------  ----',
      'make            5 ms',
      'start a driver',
    ]);
  });
});

describe('formatArguments', () => {
  it('leaves out what is undefined or empty, and keeps zero and false', () =>
    expect(formatArguments({ a: 'x', b: undefined, c: '', d: 0, e: false })).toBe('a=x d=0 e=false'));
});
