import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import type { PoolCapacity } from '../../src/backends/backend.ts';
import { createRoom } from '../../src/pools/room.ts';
import { codeOf, refusal } from '../support/driver.ts';

const disk = (
  totalBytes: number,
  freeBytes = totalBytes,
  usedByVolumesBytes: number | undefined = 0,
): PoolCapacity => ({
  totalBytes,
  freeBytes,
  usedByVolumesBytes,
});

function start(options: { capacity: PoolCapacity; overcommit?: number; promised?: number }) {
  const state = { capacity: options.capacity, promised: options.promised ?? 0, samples: 0 };
  const room = createRoom(
    { name: 'p', overcommit: options.overcommit ?? 1 },
    async () => {
      state.samples++;
      return state.capacity;
    },
    () => state.promised,
  );
  return { room, state };
}

describe('the room of a pool', () => {
  it('is its size times its overcommit, less what is promised', async () => {
    expect(await start({ capacity: disk(1000) }).room.availableBytes()).toBe(1000);
    expect(await start({ capacity: disk(1000), overcommit: 1.5 }).room.availableBytes()).toBe(1500);
    expect(await start({ capacity: disk(1000), overcommit: 0.5, promised: 100 }).room.availableBytes()).toBe(400);
    expect(await start({ capacity: disk(1000), promised: 5000 }).room.availableBytes()).toBe(0);
  });

  it('leaves out what others keep on the disk, and not what our own volumes have written', async () => {
    expect(await start({ capacity: disk(1000, 700, 0) }).room.availableBytes()).toBe(700);
    expect(await start({ capacity: disk(1000, 700, 300), promised: 400 }).room.availableBytes()).toBe(600);
    // Blocks that clones share are counted in each: never more than the disk is.
    expect(await start({ capacity: disk(1000, 700, 900), promised: 900 }).room.availableBytes()).toBe(100);
  });

  it('is at most what is free where nobody knows what our volumes take', async () => {
    const unknown = { totalBytes: 1000, freeBytes: 300, usedByVolumesBytes: undefined };
    expect(await start({ capacity: unknown, promised: 100 }).room.availableBytes()).toBe(300);
    expect(await start({ capacity: unknown, promised: 900 }).room.availableBytes()).toBe(100);
  });

  it('is refused with the numbers', async () => {
    const { room } = start({ capacity: disk(1000), promised: 400, overcommit: 1 });
    const { code, message } = await refusal(room.hold(601, 'volume x'));
    expect(code).toBe('exhausted');
    for (const part of ['volume x', '601', '600', '1000', 'overcommit 1']) expect(message).toContain(part);
    expect(await codeOf(room.hold(600, 'volume x'))).toBe('ok');
  });

  it('is held once only, and given back once only', async () => {
    const { room } = start({ capacity: disk(1000) });
    const codes = await Promise.all(Array.from({ length: 5 }, () => codeOf(room.hold(300, 'v'))));
    expect(codes.filter((code) => code === 'ok')).toHaveLength(3);
    const { room: other } = start({ capacity: disk(1000) });
    const release = await other.hold(1000, 'v');
    expect(await other.availableBytes()).toBe(0);
    release();
    release();
    expect(await other.availableBytes()).toBe(1000);
  });

  it('is never passed, whatever is held and given back', async () => {
    const step = fc.record({ bytes: fc.nat(400), release: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step), async (run) => {
        const { room } = start({ capacity: disk(1000) });
        const held: { bytes: number; release: () => void }[] = [];
        for (const { bytes, release } of run) {
          if (release) held.pop()?.release();
          else
            await room.hold(bytes, 'v').then(
              (give) => held.push({ bytes, release: give }),
              () => undefined,
            );
          const sum = held.reduce((total, hold) => total + hold.bytes, 0);
          expect(sum).toBeLessThanOrEqual(1000);
          expect(await room.availableBytes()).toBe(1000 - sum);
        }
      }),
    );
  });

  it('is looked at again after some seconds, once for all who wait', async () => {
    jest.useFakeTimers();
    try {
      const { room, state } = start({ capacity: disk(1000) });
      await Promise.all([room.availableBytes(), room.availableBytes(), room.hold(1, 'v')]);
      expect(state.samples).toBe(1);
      state.capacity = disk(1000, 500, 0);
      expect(await room.availableBytes()).toBe(999);
      jest.setSystemTime(Date.now() + 11_000);
      expect(await room.availableBytes()).toBe(499);
      expect(state.samples).toBe(2);
    } finally {
      jest.useRealTimers();
    }
  });

  it('is asked for again after a look that failed', async () => {
    let fails = true;
    const sample = async () => {
      if (fails) throw new Error('the disk does not answer');
      return disk(1000);
    };
    const room = createRoom({ name: 'p', overcommit: 1 }, sample, () => 0);
    await expect(room.availableBytes()).rejects.toThrow('does not answer');
    fails = false;
    expect(await room.availableBytes()).toBe(1000);
  });
});
