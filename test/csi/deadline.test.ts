import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createDeadline } from '../../src/csi/deadline.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('the deadline of a call', () => {
  it.each([
    ["before the caller's by a tenth, so that the answer is there in time", 5_000, 600_000, 4_500],
    ["before the caller's by two seconds at most", 120_000, 600_000, 118_000],
    ["the driver's own where that is earlier", 120_000, 50, 50],
    ["the driver's own where the caller has none", Number.POSITIVE_INFINITY, 600_000, 600_000],
  ])('is %s', (_title, clientMs, limitMs, endMs) => {
    const { signal, clear } = createDeadline(Date.now() + clientMs, limitMs);
    jest.advanceTimersByTime(endMs - 1);
    expect(signal.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(signal.reason).toMatchObject({ code: 'timeout' });
    clear();
  });

  it('is now where it has passed', () => {
    const { signal } = createDeadline(Date.now() - 1_000, 600_000);
    jest.advanceTimersByTime(0);
    expect(signal.aborted).toBe(true);
  });
});
