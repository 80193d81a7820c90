import { describe, expect, it } from '@jest/globals';
import { createQueue } from '../../src/nfs/worker/queue.ts';

/** Work that ends when it is told to. */
function createWork() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
  };
  return { begun, work, end: (name: string) => ends.get(name)?.() };
}

const full = () => new Error('full');

describe('a queue', () => {
  it('lets so many work at once, and the others in order', async () => {
    const { begun, work, end } = createWork();
    const queue = createQueue({ running: 2, waiting: 9 }, full);
    const results = ['a', 'b', 'c', 'd'].map((name) => queue.run(work(name)));
    expect(begun).toEqual(['a', 'b']);
    end('b');
    await results[1];
    end('a');
    await results[0];
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    end('c');
    end('d');
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd']);
    expect(queue.length()).toBe(0);
  });

  it('goes on after work that failed', async () => {
    const queue = createQueue({ running: 1, waiting: 1 }, full);
    const failing = queue.run(() => Promise.reject(new Error('no')));
    const next = queue.run(() => Promise.resolve('yes'));
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });

  it('refuses where too many wait', async () => {
    const { work, end } = createWork();
    const queue = createQueue({ running: 1, waiting: 1 }, full);
    const first = queue.run(work('a'));
    const second = queue.run(() => Promise.resolve('b'));
    await expect(queue.run(work('c'))).rejects.toThrow('full');
    end('a');
    expect(await Promise.all([first, second])).toEqual(['a', 'b']);
  });

  it('lets one go that gives up waiting, and gives its place to the next', async () => {
    const { begun, work, end } = createWork();
    const queue = createQueue({ running: 1, waiting: 2 }, full);
    const first = queue.run(work('a'));
    const impatient = new AbortController();
    const second = queue.run(work('b'), impatient.signal);
    const third = queue.run(() => Promise.resolve('c'));
    impatient.abort(new Error('gave up'));
    await expect(second).rejects.toThrow('gave up');
    end('a');
    expect(await Promise.all([first, third])).toEqual(['a', 'c']);
    expect(begun).toEqual(['a']);
    await expect(queue.run(work('d'), impatient.signal)).rejects.toThrow('gave up');
  });
});
