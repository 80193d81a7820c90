import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { createLog } from '../../src/telemetry/log.ts';
import type { StoredRecord } from '../../src/volumes/record.ts';
import { createTrash } from '../../src/volumes/trash.ts';
import { volumes } from './records.ts';

const [sample] = fc.sample(volumes(), 1);
const item = (id: string): StoredRecord => {
  if (sample === undefined) throw new Error('no sample');
  return { ...sample, id };
};

interface TrashOptions {
  readonly bytesPerSecond?: number;
  readonly freesBytes?: number;
  readonly failures?: Record<string, number>;
  readonly callersFirst?: boolean;
}

/** A trash whose items give back `freesBytes` each, and fail as often as `failures` says. */
function start(options: TrashOptions = {}) {
  const { bytesPerSecond = 0, freesBytes = 0, failures = {}, callersFirst = true } = options;
  const purged: string[] = [];
  const forgotten: string[] = [];
  const logged: string[] = [];
  let freeBytes = 0;
  let running = 0;
  let batches = 0;
  const trash = createTrash({
    log: createLog('info', { write: (line) => logged.push(line) }),
    bytesPerSecond,
    callersFirst,
    check: async () => {
      batches += 1;
    },
    freeBytes: async () => freeBytes,
    forget: async (records) => {
      for (const { id } of records) {
        expect(purged).toContain(id);
        forgotten.push(id);
      }
    },
    purge: async ({ id }, signal) => {
      expect(++running).toBe(1);
      try {
        await sleep(1, undefined, { signal });
        const left = failures[id] ?? 0;
        failures[id] = left - 1;
        if (left > 0) throw new Error('not now');
        freeBytes += freesBytes;
        purged.push(id);
      } finally {
        running--;
      }
    },
  });
  return { trash, purged, forgotten, logged, batches: () => batches };
}

afterEach(() => {
  jest.useRealTimers();
});

describe('the trash', () => {
  it('lets those be first who delete one after another, but not for ever', async () => {
    jest.useFakeTimers();
    const batchesAfter = async (ms: number, addedEach40Ms: number) => {
      const { trash, batches } = start();
      trash.add(item('first'));
      for (const endMs = Date.now() + ms; Date.now() < endMs; await jest.advanceTimersByTimeAsync(40))
        for (let count = 0; count < addedEach40Ms; count++) trash.add(item('more'));
      await trash.stop();
      return batches();
    };
    expect(await batchesAfter(120, 0)).toBe(1);
    expect(await batchesAfter(900, 1)).toBe(0);
    expect(await batchesAfter(1100, 1)).toBe(1);
    expect(await batchesAfter(120, 300)).toBe(1);
  });

  it('is emptied at once where somebody may wait for the room', async () => {
    jest.useFakeTimers();
    const beganAfter10Ms = async (callersFirst: boolean) => {
      const { trash, batches } = start({ callersFirst });
      trash.add(item('a'));
      await jest.advanceTimersByTimeAsync(10);
      const began = batches();
      await trash.stop();
      return began;
    };
    expect(await beganAfter10Ms(false)).toBe(1);
    expect(await beganAfter10Ms(true)).toBe(0);
  });

  it('is emptied one after another, in order', async () => {
    const { trash, purged, forgotten, logged } = start();
    for (const id of ['a', 'b', 'c']) trash.add(item(id));
    await trash.empty();
    for (const id of ['a', 'b', 'c'])
      expect(logged.filter((line) => line.includes(`"${id}"`) && line.includes('removed from the trash'))).toHaveLength(
        1,
      );
    expect(purged).toEqual(['a', 'b', 'c']);
    expect(forgotten).toEqual(['a', 'b', 'c']);
    expect(trash.length()).toBe(0);
  });

  it('takes what is added at the very moment at which it ends', async () => {
    const { trash, purged } = start();
    const ids = Array.from({ length: 20 }, (_, n) => `v${n}`);
    for (const id of ids) {
      trash.add(item(id));
      // Between 0 and some microtasks after the last one has gone.
      while (!purged.includes(id)) await sleep(0);
      for (let ticks = Number(id.slice(1)) % 7; ticks > 0; ticks--) await Promise.resolve();
    }
    await trash.empty();
    expect(purged).toEqual(ids);
  });

  it('tries again what fails, and does the others meanwhile', async () => {
    const { trash, purged } = start({ failures: { bad: 1 } });
    for (const id of ['bad', 'good', 'fine']) trash.add(item(id));
    await trash.empty();
    expect(purged).toEqual(['good', 'fine', 'bad']);
  });

  it('rests after what it gave back as its throttle says', async () => {
    const { trash, purged } = start({ bytesPerSecond: 1000, freesBytes: 50 });
    const startMs = performance.now();
    for (const id of ['a', 'b', 'c', 'd']) trash.add(item(id));
    await trash.empty();
    expect(performance.now() - startMs).toBeGreaterThan(4 * 50 - 20);
    expect(purged).toHaveLength(4);
  });

  it('stops at once, also while it rests or purges, and begins no more', async () => {
    const resting = start({ bytesPerSecond: 1, freesBytes: 1_000_000 });
    for (const id of ['a', 'b']) resting.trash.add(item(id));
    while (resting.forgotten.length < 2) await sleep(1);
    await resting.trash.stop();
    resting.trash.add(item('c'));
    await resting.trash.empty();
    expect(resting.purged).toEqual(['a', 'b']);
    expect(resting.trash.length()).toBe(1);
    const failing = start({ failures: { bad: 100 } });
    failing.trash.add(item('bad'));
    await sleep(20);
    await failing.trash.stop();
  });

  it('does what comes in while one that fails waits for its next try', async () => {
    const failures = { bad: 9 };
    const { trash, purged } = start({ failures });
    trash.add(item('bad'));
    while (failures.bad > 7) await sleep(5); // the second try has failed: the third comes in 2 s
    trash.add(item('good'));
    while (!purged.includes('good')) await sleep(5);
    expect(failures.bad).toBe(7);
    await trash.stop();
  });
});
