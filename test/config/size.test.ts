import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseSize } from '../../src/config/size.ts';

describe('parseSize', () => {
  it.each([
    [0, 0],
    [4096, 4096],
    ['0', 0],
    ['1k', 1000],
    ['1Ki', 1024],
    ['1.5Gi', 1.5 * 1024 ** 3],
    ['10G', 10e9],
    ['2Ti', 2 * 1024 ** 4],
    ['3T', 3e12],
    ['500M', 500e6],
    ['7Mi', 7 * 1024 ** 2],
  ])('takes %p', (value, bytes) => {
    expect(parseSize(value)).toBe(bytes);
  });

  const refused = [
    '',
    ' 1',
    '1 Gi',
    '-1',
    '+1',
    '1e3',
    '0x10',
    '.5Gi',
    '1.',
    '1gi',
    '1K',
    '1GiB',
    'Gi',
    '1.0000001Gi',
    '1.3',
  ];
  it.each([...refused, '9007199254740993', '99999999999Ti', -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
    'refuses %p',
    (value) => {
      expect(parseSize(value)).toBeUndefined();
    },
  );

  it('gives whole bytes or nothing for any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const bytes = parseSize(text);
        return bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0);
      }),
    );
  });

  it('reads its own numbers back in every unit', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.constantFrom('Ki', 'Mi', 'Gi', 'Ti'), (count, unit) => {
        const factor = 1024 ** (['Ki', 'Mi', 'Gi', 'Ti'].indexOf(unit) + 1);
        expect(parseSize(`${count}${unit}`)).toBe(count * factor);
      }),
    );
  });
});
