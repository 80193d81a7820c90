import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { errnoOf, StowageError } from '../../src/errors.ts';
import type { Files, TextFile } from '../../src/host/files.ts';
import { createHost } from '../../src/host/system.ts';
import { createShareFiles } from '../../src/nfs/worker/share-files.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createFakeWorkers, createManualClock } from './worker-support.ts';

const NAME = 'server:/export';
const LIMITS = { callMs: 10_000, graceMs: 3_000, idleMs: 60_000, firstRetryMs: 1_000, longestRetryMs: 30_000 };
const never = new AbortController().signal;

let folder: string;
let close: () => Promise<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-worker-'));
});

afterEach(async () => {
  await close();
  await rm(folder, { recursive: true });
});

function setUp(overrides: Partial<Files> = {}, limits = {}) {
  const clock = createManualClock();
  const workers = createFakeWorkers({ ...createHost().files, ...overrides });
  const share = createShareFiles(
    { name: NAME, runFolder: '/run', log: createLog('silent'), limits: { ...LIMITS, ...limits }, clock },
    workers.fork,
  );
  close = share.close;
  return { clock, workers, share, files: share.files };
}

/** Calls that stay unanswered for as long as the test wants. */
function createHold() {
  let asked = 0;
  let onAsked = () => {};
  return {
    method: () => {
      asked += 1;
      onAsked();
      return new Promise<never>(() => undefined);
    },
    /** Settles when so many have come. */
    reached: (count: number) =>
      new Promise<void>((resolve) => {
        onAsked = () => asked >= count && resolve();
        onAsked();
      }),
  };
}

const unavailable = (words: string) => ({ code: 'unavailable', message: expect.stringContaining(words) });

describe('the files of a share', () => {
  it('are worked on by a worker, which the first call starts', async () => {
    const { workers, files } = setUp();
    expect(workers.started()).toBe(0);
    const path = join(folder, 'a.json');
    await files.writeDurably(path, 'text');
    expect(await readFile(path, 'utf8')).toBe('text');
    expect(await files.read(path, 100)).toBe('text');
    expect(await files.stat(path)).toMatchObject({ type: 'file', sizeBytes: 4 });
    expect(await files.stat(join(folder, 'missing'))).toBeUndefined();
    expect(await files.list(folder)).toEqual(['a.json']);
    expect(await files.makeFolder(join(folder, 'b'), 0o700)).toBe(true);
    expect(Buffer.from((await files.readStart(path, 2)) ?? [])).toEqual(Buffer.from('te'));
    expect((await files.statfs(folder)).totalBytes).toBeGreaterThan(0);
    expect(workers.started()).toBe(1);
  });

  it('are worked on without threads where nothing else is asked for', async () => {
    const ways: string[] = [];
    const by = (way: string): Files => ({
      ...createHost().files,
      sync: async () => {
        ways.push(way);
      },
    });
    const workers = createFakeWorkers(by('threads'), by('alone'));
    const share = createShareFiles({ name: NAME, runFolder: '/run', log: createLog('silent') }, workers.fork);
    close = share.close;
    await share.files.sync(folder);
    await share.files.sync(folder);
    expect(ways).toEqual(['alone', 'alone']);
    await Promise.all([1, 2, 3].map(() => share.files.sync(folder)));
    expect(ways.slice(2)).toEqual(['alone', 'threads', 'threads']);
  });

  it('fail with the errors of the system, and with ours', async () => {
    const busy = () => Promise.reject(new StowageError('busy', 'call again'));
    const { share, files } = setUp({ sync: busy });
    const error: unknown = await files.chmod(join(folder, 'missing'), 0o600).catch((thrown: unknown) => thrown);
    expect(errnoOf(error)).toBe('ENOENT');
    await expect(files.sync(folder)).rejects.toMatchObject({ code: 'busy', message: 'call again' });
    expect(share.isAnswering()).toBe(true);
  });

  it('are read in batches', async () => {
    const { files } = setUp();
    const names = Array.from({ length: 300 }, (_, index) => `${index}.json`);
    await Promise.all(names.map((name) => writeFile(join(folder, name), name)));
    await writeFile(join(folder, 'large.json'), 'x'.repeat(200));
    await mkdir(join(folder, 'folder.json'));
    await symlink('1.json', join(folder, 'link.json'));
    const found: TextFile[] = [];
    for await (const batch of files.readAll(folder, '.json', 100)) found.push(...batch);
    expect(found).toHaveLength(301);
    expect(found.filter(({ name, text }) => name !== text)).toEqual([{ name: 'large.json', text: '' }]);
    for await (const batch of files.readAll(join(folder, 'missing'), '.json', 100)) expect(batch).toEqual([]);
  });

  it('do not pass off a reading that was cut short as the whole', async () => {
    const { workers, files } = setUp();
    await Promise.all(Array.from({ length: 200 }, (_, index) => writeFile(join(folder, `${index}.json`), '')));
    const read = async () => {
      for await (const _batch of files.readAll(folder, '.json', 100)) {
        workers.crash();
        await setImmediate();
      }
    };
    await expect(read()).rejects.toMatchObject(unavailable('cut off'));
  });

  it('are reached through open folders, by workers that come later too, and not through closed ones', async () => {
    const { workers, files } = setUp();
    await mkdir(join(folder, 'a'));
    const handle = await files.openFolder(folder, 'a');
    await files.writeDurably(`${handle.path}/file`, 'text');
    workers.crash();
    await setImmediate();
    expect(await files.read(`${handle.path}/file`, 100)).toBe('text');
    await expect(files.openFolder(handle.path, '..')).rejects.toMatchObject({ code: 'unsupported' });
    await rename(join(folder, 'a'), join(folder, 'b'));
    await handle.close();
    await expect(files.stat(`${handle.path}/file`)).rejects.toMatchObject(unavailable('not open any more'));
    await expect(files.openFolder(folder, 'a').catch(errnoOf)).resolves.toBe('ENOENT');
    await expect(files.stat('/proc/1/fd/1/x')).rejects.toMatchObject(unavailable('not open any more'));
  });

  it('offer no locks', async () => {
    const { files } = setUp();
    await expect(files.lock(join(folder, 'lock'))).rejects.toMatchObject({ code: 'unsupported' });
    await expect(files.openPath(folder, '')).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('a share that falls silent', () => {
  it('ends the calls under way at the first deadline, then refuses, and lets one try with a new worker', async () => {
    const hold = createHold();
    const { clock, workers, share, files } = setUp({ sync: hold.method });
    const first = files.sync(folder);
    await hold.reached(1);
    clock.pass(4_000);
    const second = files.sync(folder);
    await hold.reached(2);
    clock.pass(6_000);
    await expect(first).rejects.toMatchObject(unavailable(`${NAME} does not answer: sync`));
    await expect(second).rejects.toMatchObject(unavailable(NAME));
    expect(share.isAnswering()).toBe(false);
    await expect(files.stat(folder)).rejects.toMatchObject(unavailable('1000 ms'));
    expect(workers.started()).toBe(1);

    clock.pass(1_000);
    const probe = files.stat(folder);
    await expect(files.stat(folder)).rejects.toMatchObject(unavailable(NAME));
    expect(await probe).toMatchObject({ type: 'folder' });
    expect(share.isAnswering()).toBe(true);
    expect([workers.started(), workers.living()]).toEqual([2, 1]);
  });

  it('is taken for silent where its mount says so', async () => {
    const timedOut = () =>
      Promise.reject(Object.assign(new Error('ETIMEDOUT'), { code: 'ETIMEDOUT', syscall: 'fsync' }));
    const { share, files } = setUp({ sync: timedOut });
    await expect(files.sync(folder)).rejects.toMatchObject(unavailable('ETIMEDOUT'));
    expect(share.isAnswering()).toBe(false);
  });

  it('has calls wait for their turn no longer than for an answer, and no more than so many', async () => {
    const hold = createHold();
    const { clock, files } = setUp({ sync: hold.method }, { running: 1, waiting: 1 });
    const running = files.sync(folder);
    await hold.reached(1);
    const waiting = files.stat(folder);
    await expect(files.stat(folder)).rejects.toMatchObject(unavailable('1 calls wait'));
    clock.pass(LIMITS.callMs);
    await expect(Promise.allSettled([running, waiting])).resolves.toEqual([
      { status: 'rejected', reason: expect.objectContaining(unavailable('sync was not done')) },
      { status: 'rejected', reason: expect.objectContaining({ code: 'unavailable' }) },
    ]);
  });

  it('has no more workers that cannot be killed than allowed', async () => {
    const hold = createHold();
    const { clock, workers, files } = setUp({ sync: hold.method }, { unkillable: 1 });
    workers.refuseToDie();
    for (const count of [1, 2, 3]) {
      const call = files.sync(folder);
      await hold.reached(count);
      clock.pass(LIMITS.callMs);
      await expect(call).rejects.toMatchObject(unavailable('was not done'));
      clock.pass(LIMITS.longestRetryMs);
    }
    await expect(files.stat(folder)).rejects.toMatchObject(unavailable('cannot be killed'));
    expect([workers.started(), workers.living()]).toEqual([3, 3]);
    workers.letDie();
    await setImmediate();
    clock.pass(LIMITS.longestRetryMs);
    expect(await files.stat(folder)).toMatchObject({ type: 'folder' });
  });

  it('is asked again only after a while where its workers crash', async () => {
    const { clock, workers, files } = setUp({ sync: () => new Promise(() => workers.crash()) });
    await expect(files.sync(folder)).rejects.toMatchObject(unavailable('its worker process ended (exit code 1)'));
    await expect(files.stat(folder)).rejects.toMatchObject(unavailable(NAME));
    clock.pass(LIMITS.firstRetryMs);
    expect(await files.stat(folder)).toMatchObject({ type: 'folder' });
  });
});

describe('a copy on a share', () => {
  it('runs until its signal ends it', async () => {
    const abort = new AbortController();
    const copy: Files['copy'] = (_from, _to, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new StowageError('timeout', `ended: ${signal.reason.name}`)));
        abort.abort(new DOMException('too late', 'TimeoutError'));
      });
    const { files } = setUp({ copy });
    await expect(files.copy(folder, '/x', abort.signal)).rejects.toMatchObject({
      code: 'timeout',
      message: 'ended: TimeoutError',
    });
    await expect(files.removeTree(folder, abort.signal)).rejects.toMatchObject({ code: 'timeout' });
  });

  it('ends with its worker where even that does not help', async () => {
    const hold = createHold();
    const { clock, workers, files } = setUp({ copy: hold.method });
    const abort = new AbortController();
    const copying = files.copy(folder, '/x', abort.signal);
    await hold.reached(1);
    abort.abort();
    clock.pass(LIMITS.graceMs);
    await expect(copying).rejects.toMatchObject(unavailable('copy did not end'));
    expect(workers.living()).toBe(1);
  });

  it('goes on where a short call is not answered', async () => {
    const hold = createHold();
    let finish = () => {};
    const copy = () =>
      new Promise<void>((resolve) => {
        finish = resolve;
        clock.pass(LIMITS.callMs);
      });
    const { clock, workers, files } = setUp({ sync: hold.method, copy });
    const silent = files.sync(folder);
    await hold.reached(1);
    const copying = files.copy(folder, '/x', never);
    await expect(silent).rejects.toMatchObject(unavailable('sync'));
    finish();
    await copying;
    expect(workers.living()).toBe(1);
    await expect(files.copy(folder, '/x', never)).rejects.toMatchObject(unavailable(NAME));
  });
});

describe('the workers of a share', () => {
  it('end when they are idle, unless a folder is open', async () => {
    const { clock, workers, files } = setUp();
    const handle = await files.openFolder(folder, '');
    clock.pass(LIMITS.idleMs);
    expect(workers.living()).toBe(1);
    await handle.close();
    clock.pass(LIMITS.idleMs);
    expect(workers.living()).toBe(0);
    expect(await files.stat(folder)).toMatchObject({ type: 'folder' });
    expect(workers.started()).toBe(2);
  });

  it('end after their last call, not after their first', async () => {
    const { clock, workers, files } = setUp();
    await files.stat(folder);
    clock.pass(LIMITS.idleMs - 1);
    await files.stat(folder);
    clock.pass(LIMITS.idleMs - 1);
    expect(workers.living()).toBe(1);
    clock.pass(1);
    expect(workers.living()).toBe(0);
  });

  it('end when they are idle, also in the place of one that was killed', async () => {
    const hold = createHold();
    const { clock, workers, files } = setUp({ sync: hold.method });
    await files.stat(folder);
    const silent = files.sync(folder);
    await hold.reached(1);
    clock.pass(LIMITS.callMs);
    await expect(silent).rejects.toMatchObject(unavailable('sync'));
    clock.pass(LIMITS.firstRetryMs);
    await files.stat(folder);
    expect(workers.started()).toBe(2);
    clock.pass(LIMITS.idleMs);
    expect(workers.living()).toBe(0);
  });

  it('end at the close, with what is under way', async () => {
    const hold = createHold();
    const { workers, share, files } = setUp({ sync: hold.method });
    const call = files.sync(folder);
    await hold.reached(1);
    await share.close();
    await expect(call).rejects.toMatchObject(unavailable('the driver stops'));
    expect(workers.living()).toBe(0);
    await expect(files.stat(folder)).rejects.toMatchObject(unavailable('the driver stops'));
  });
});
