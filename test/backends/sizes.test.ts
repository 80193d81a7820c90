import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Wish } from '../../src/backends/backend.ts';
import { chooseSize, DEFAULT_SIZE_BYTES, SIZE_STEP_BYTES } from '../../src/backends/sizes.ts';
import { isStowageError } from '../../src/errors.ts';

const wish = (requiredBytes: number, limitBytes?: number): Wish => ({
  requiredBytes,
  limitBytes,
  access: { type: 'block' },
  source: undefined,
});

describe('chooseSize', () => {
  it('keeps every bound, or says out-of-range', () => {
    const bytes = fc.integer({ min: 0, max: 2 ** 46 });
    fc.assert(
      fc.property(bytes, fc.option(bytes, { nil: undefined }), bytes, bytes, (required, limit, least, source) => {
        try {
          const size = chooseSize(wish(required, limit), { leastBytes: least, sourceBytes: source });
          expect(size % SIZE_STEP_BYTES).toBe(0);
          expect(size).toBeGreaterThanOrEqual(Math.max(required, least, source, 1));
          expect(size).toBeLessThanOrEqual(limit ?? Number.MAX_SAFE_INTEGER);
        } catch (error) {
          if (!isStowageError(error, 'out-of-range')) throw error;
        }
      }),
    );
  });

  it('takes the default where no size is asked for', () => {
    expect(chooseSize(wish(0), { leastBytes: 1, sourceBytes: 0 })).toBe(DEFAULT_SIZE_BYTES);
  });

  it('refuses to make a copy smaller than its source', () => {
    const choose = () => chooseSize(wish(4096), { leastBytes: 1, sourceBytes: 8192 });
    expect(choose).toThrow('the source holds 8192');
  });
});
