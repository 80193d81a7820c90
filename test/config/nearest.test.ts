import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nearest } from '../../src/config/nearest.ts';

const KNOWN = ['quota', 'path', 'maxVolumeBytes', 'nodes', 'name'];

describe('nearest', () => {
  it.each([
    ['quoat', 'quota'],
    ['Quota', 'quota'],
    ['quta', 'quota'],
    ['pth', 'path'],
    ['maxVolumeByte', 'maxVolumeBytes'],
    ['max_volume_bytes', 'maxVolumeBytes'],
    ['node', 'nodes'],
  ])('takes %s for %s', (word, meant) => {
    expect(nearest(word, KNOWN)).toBe(meant);
  });

  it.each(['', 'x', 'overcommit', '__proto__', 'q'.repeat(100_000)])('finds nothing near %.20s', (word) => {
    expect(nearest(word, KNOWN)).toBeUndefined();
  });

  it('finds nothing where nothing is known', () => {
    expect(nearest('quota', [])).toBeUndefined();
  });

  it('finds a word with one letter more, less or other', () => {
    const known = fc.constantFrom('overcommit', 'requireMount', 'preallocate');
    fc.assert(
      fc.property(known, fc.nat(9), fc.constantFrom('', 'z', 'zz'), (word, index, put) => {
        expect(nearest(word.slice(0, index) + put + word.slice(index + 1), [word])).toBe(word);
      }),
    );
  });

  it('answers with one of the known words or nothing', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), (word, known) => {
        const found = nearest(word, known);
        return found === undefined || known.includes(found);
      }),
    );
  });
});
