import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { codeName, statusOf } from '../../src/csi/status.ts';
import { type ErrorCode, StowageError } from '../../src/errors.ts';

const CODES: Record<ErrorCode, keyof typeof status> = {
  invalid: 'INVALID_ARGUMENT',
  'not-found': 'NOT_FOUND',
  'already-exists': 'ALREADY_EXISTS',
  busy: 'ABORTED',
  exhausted: 'RESOURCE_EXHAUSTED',
  'out-of-range': 'OUT_OF_RANGE',
  precondition: 'FAILED_PRECONDITION',
  unavailable: 'UNAVAILABLE',
  timeout: 'DEADLINE_EXCEEDED',
  cancelled: 'CANCELLED',
  unsupported: 'INVALID_ARGUMENT',
  'data-loss': 'DATA_LOSS',
  internal: 'INTERNAL',
};

describe('statusOf', () => {
  it('knows a status for every code of the domain', () => {
    const codes = new Map<string, string>(Object.entries(CODES));
    for (const code of Object.keys(CODES) as ErrorCode[]) {
      const { code: found, details } = statusOf(new StowageError(code, 'why'));
      expect([code, codeName(found), details]).toEqual([code, codes.get(code), 'why']);
    }
  });

  it('takes anything thrown, and never gives an empty message', () => {
    expect(statusOf('text')).toEqual({ code: status.INTERNAL, details: 'text' });
    expect(statusOf(undefined)).toEqual({ code: status.INTERNAL, details: 'undefined' });
    expect(statusOf(new Error(''))).toEqual({ code: status.INTERNAL, details: 'unknown error' });
    expect(statusOf(new Error('\n'))).toEqual({ code: status.INTERNAL, details: 'unknown error' });
  });

  it('gives one bounded line of valid UTF-8, whatever the message', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), fc.nat(3), (text, shift) => {
        const { details } = statusOf(new Error('x'.repeat(shift) + text.repeat(3)));
        expect(Buffer.byteLength(details)).toBeLessThanOrEqual(2048);
        expect(details).not.toMatch(/[\p{Cc}\p{Cs}\ufffd]/u);
        expect(details).not.toBe('');
      }),
    );
  });

  it('cuts between characters', () => {
    for (let shift = 0; shift < 4; shift += 1) {
      const { details } = statusOf(new Error('x'.repeat(shift) + '🙂'.repeat(1000)));
      expect(details).toMatch(/^x*(🙂)+…$/u);
      expect(Buffer.byteLength(details)).toBeGreaterThan(2040);
    }
  });
});
