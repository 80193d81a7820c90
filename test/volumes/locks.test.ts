import { describe, expect, it } from '@jest/globals';
import { createJobs, waitFor } from '../../src/volumes/jobs.ts';
import { createLocks, withLocks } from '../../src/volumes/locks.ts';
import { codeOf, refusal } from '../support/driver.ts';

const never = () => new AbortController().signal;

/** A promise with its settling from outside. */
function deferred() {
  let resolve = () => undefined as undefined;
  let reject = (_: Error) => undefined as undefined;
  const promise = new Promise<void>((done, failed) => {
    resolve = () => void done();
    reject = (error) => void failed(error);
  });
  return { promise, resolve, reject };
}

describe('locks', () => {
  it('are taken all or none, and say who has them', async () => {
    const locks = createLocks();
    const release = locks.take('CreateVolume x', ['a', 'b']);
    const refused = await refusal((async () => locks.take('DeleteVolume y', ['c', 'b']))());
    expect(refused.code).toBe('busy');
    expect(refused.message).toContain('CreateVolume x');
    locks.take('another', ['c'])();
    release();
    locks.take('DeleteVolume y', ['c', 'b', 'b'])();
  });

  it('are not given back twice', async () => {
    const locks = createLocks();
    const release = locks.take('first', ['a']);
    release();
    const second = locks.take('second', ['a']);
    release();
    expect(await codeOf((async () => locks.take('third', ['a']))())).toBe('busy');
    second();
  });

  it('are given back whatever happens', async () => {
    const locks = createLocks();
    await expect(withLocks(locks, 'first', ['a'], () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    await expect(
      withLocks(locks, 'first', ['a'], () => {
        throw new Error('failed at once');
      }),
    ).rejects.toThrow('failed at once');
    expect(await withLocks(locks, 'second', ['a'], async () => 'done')).toBe('done');
  });
});

describe('jobs', () => {
  it('run once for an id, and again when they have ended', async () => {
    const jobs = createJobs();
    const { promise, resolve } = deferred();
    let runs = 0;
    const work = () => {
      runs++;
      return promise;
    };
    const first = jobs.start('a', work);
    const second = jobs.start('a', work);
    expect(jobs.running('a')).toBeDefined();
    resolve();
    await Promise.all([first, second]);
    expect(runs).toBe(1);
    expect(jobs.running('a')).toBeUndefined();
    await jobs.start('a', work);
    expect(runs).toBe(2);
  });

  it('give their failure to all who wait, and need nobody to', async () => {
    const jobs = createJobs();
    const { promise, reject } = deferred();
    const joined = [jobs.start('a', () => promise), jobs.start('a', () => promise)];
    jobs.start('alone', () => Promise.reject(new Error('nobody waits')));
    reject(new Error('failed'));
    for (const done of joined) await expect(done).rejects.toThrow('failed');
    await jobs.idle();
    expect(jobs.running('a')).toBeUndefined();
  });

  it('have cleaned up when they are cancelled', async () => {
    const jobs = createJobs();
    let cleaned = false;
    const work = (signal: AbortSignal) =>
      new Promise<void>((_, reject) => {
        signal.addEventListener('abort', () => {
          setTimeout(() => {
            cleaned = true;
            reject(new Error('ended'));
          }, 10);
        });
      });
    const done = jobs.start('a', work);
    done.catch(() => undefined);
    await jobs.cancel('a');
    expect(cleaned).toBe(true);
    await jobs.cancel('a');
    await jobs.cancel('unknown');
    cleaned = false;
    jobs.start('b', work);
    expect(jobs.stopping()).toBe(false);
    await jobs.stop();
    expect(cleaned).toBe(true);
    expect(jobs.stopping()).toBe(true);
  });
});

describe('waitFor', () => {
  it('answers whether it is done, in time, or the caller has gone', async () => {
    expect(await waitFor(Promise.resolve(), 1000, never())).toBe(true);
    expect(await waitFor(deferred().promise, 10, never())).toBe(false);
    expect(await waitFor(deferred().promise, 60_000, AbortSignal.timeout(10))).toBe(false);
    expect(await waitFor(deferred().promise, 60_000, AbortSignal.abort())).toBe(false);
    await expect(waitFor(Promise.reject(new Error('failed')), 1000, never())).rejects.toThrow('failed');
  });

  it('leaves nothing behind: a failure after the wait is not unhandled', async () => {
    const { promise, reject } = deferred();
    expect(await waitFor(promise, 5, never())).toBe(false);
    reject(new Error('later'));
    await expect(promise).rejects.toThrow('later');
  });
});
