import { describe, expect, it } from '@jest/globals';
import { createBoundedStatfs } from '../../src/backends/bounded-statfs.ts';
import type { FileSystemStat } from '../../src/host/files.ts';

const FOUND: FileSystemStat = {
  type: 'xfs',
  totalBytes: 3,
  freeBytes: 2,
  availableBytes: 1,
  totalInodes: 0,
  freeInodes: 0,
};
const forever = new AbortController().signal;

/** A statfs whose answers the test gives. */
function controlled() {
  const calls: { path: string; answer: () => void }[] = [];
  const statfs = (path: string) =>
    new Promise<FileSystemStat>((resolve) => calls.push({ path, answer: () => resolve(FOUND) }));
  return { calls, ask: createBoundedStatfs({ statfs }) };
}

describe('bounded statfs', () => {
  it('lets a second caller join the first', async () => {
    const { calls, ask } = controlled();
    const both = Promise.all([ask('/a', forever), ask('/a', forever)]);
    calls[0]?.answer();
    expect(await both).toEqual([FOUND, FOUND]);
    expect(calls).toHaveLength(1);
  });

  it('has at most two calls unanswered, and goes on when one is answered', async () => {
    const { calls, ask } = controlled();
    const all = ['/a', '/b', '/c'].map((path) => ask(path, forever));
    expect(calls.map(({ path }) => path)).toEqual(['/a', '/b']);
    calls[0]?.answer();
    expect(await all[0]).toEqual(FOUND);
    await new Promise(setImmediate);
    expect(calls.map(({ path }) => path)).toEqual(['/a', '/b', '/c']);
    for (const { answer } of calls) answer();
    expect(await Promise.all(all)).toHaveLength(3);
  });

  it('ends at the signal although nobody answers', async () => {
    const { ask } = controlled();
    await expect(ask('/dead', AbortSignal.timeout(5))).rejects.toMatchObject({ code: 'timeout' });
    await expect(ask('/dead', AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
  });
});
