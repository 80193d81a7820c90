import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { waitFor } from '../../src/volumes/jobs.ts';

const LONG_MS = 600_000;

/** Timers that keep the process alive. */
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('waiting for a job', () => {
  it.each([
    { how: 'ends', work: () => Promise.resolve(), expected: true },
    { how: 'fails', work: () => Promise.reject(new Error('no room')), expected: 'no room' },
  ])('leaves no timer and no listener behind when the job $how', async ({ work, expected }) => {
    const before = timers();
    const { signal } = new AbortController();
    const ended = await waitFor(work(), LONG_MS, signal).catch((error: Error) => error.message);
    expect(ended).toBe(expected);
    expect(timers()).toBe(before);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('ends without the job at the signal, and at the time', async () => {
    const forever = new Promise<void>(() => {});
    const gone = new AbortController();
    const waiting = waitFor(forever, LONG_MS, gone.signal);
    gone.abort();
    expect(await waiting).toBe(false);
    expect(await waitFor(forever, LONG_MS, gone.signal)).toBe(false);
    expect(await waitFor(forever, 1, new AbortController().signal)).toBe(false);
  });
});
