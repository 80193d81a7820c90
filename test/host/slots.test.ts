import { describe, expect, it } from '@jest/globals';
import { createSlots } from '../../src/host/slots.ts';

const never = new AbortController().signal;
const giveUp = () => new Error('gave up');

/** Work that ends when it is told to. */
function held(): { work: () => Promise<string>; end: () => void; begun: () => boolean } {
  let end = (): void => undefined;
  let hasBegun = false;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const work = async () => {
    hasBegun = true;
    await ended;
    return 'done';
  };
  return { work, end, begun: () => hasBegun };
}

async function turns(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('slots', () => {
  it('let so many run for each key, and the others in order', async () => {
    const slots = createSlots(2);
    const [first, second, third, fourth] = [held(), held(), held(), held()];
    const calls = [first, second, third, fourth].map(({ work }) => slots.within('a', never, giveUp, work));
    await expect(slots.within('b', never, giveUp, async () => 'other key')).resolves.toBe('other key');
    await turns();
    expect([first, second, third, fourth].map(({ begun }) => begun())).toEqual([true, true, false, false]);
    second.end();
    await calls[1];
    await turns();
    expect([third.begun(), fourth.begun()]).toEqual([true, false]);
    for (const { end } of [first, third, fourth]) end();
    await expect(Promise.all(calls)).resolves.toEqual(Array(4).fill('done'));
  });

  it('go on after work that fails', async () => {
    const slots = createSlots(1);
    const failing = slots.within('a', never, giveUp, () => Promise.reject(new Error('no')));
    const next = slots.within('a', never, giveUp, async () => 'next');
    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('next');
  });

  it('are given up at the signal, without a trace in the line', async () => {
    const slots = createSlots(1);
    const first = held();
    const running = slots.within('a', never, giveUp, first.work);
    const controller = new AbortController();
    const second = held();
    const waiting = slots.within('a', controller.signal, giveUp, second.work);
    const third = slots.within('a', never, giveUp, async () => 'third');
    controller.abort();
    await expect(waiting).rejects.toThrow('gave up');
    await expect(slots.within('a', controller.signal, giveUp, second.work)).rejects.toThrow('gave up');
    first.end();
    await expect(running).resolves.toBe('done');
    await expect(third).resolves.toBe('third');
    expect(second.begun()).toBe(false);
  });
});
