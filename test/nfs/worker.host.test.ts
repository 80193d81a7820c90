import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createHost } from '../../src/host/system.ts';
import { createShareFiles, type ShareFiles } from '../../src/nfs/worker/share-files.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { bundle } from '../faults/children.ts';
import { makePool, type TestPool } from '../support/pools.ts';
import { createManualClock, type ManualClock } from './worker-support.ts';

const host = createHost();
const never = new AbortController().signal;
const POLL_MS = 5;
const CALL_MS = 10_000;
const RETRY_MS = 1_000;

let program: string;
let folder: string;
let pool: TestPool;
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  program = await bundle('src/share-worker.ts', 'share-worker.cjs');
  folder = await mkdtemp(join(tmpdir(), 'stowage-share-worker-'));
  pool = await makePool('xfs', 320 * 1024 ** 2);
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

afterAll(async () => {
  await pool.cleanup();
  await rm(folder, { recursive: true });
});

function setUp(limits = {}): { share: ShareFiles; clock: ManualClock } {
  const clock = createManualClock();
  const share = createShareFiles({
    name: 'server:/export',
    runFolder: join(folder, 'run'),
    log: createLog('silent'),
    limits: { callMs: CALL_MS, firstRetryMs: RETRY_MS, longestRetryMs: RETRY_MS, ...limits },
    program,
    clock,
  });
  cleanups.push(share.close);
  return { share, clock };
}

async function freezePool(): Promise<void> {
  await host.freezer.freeze(pool.path, never);
  cleanups.push(() => host.freezer.thaw(pool.path));
}

/** The worker's number, from the path of a folder that it opens. */
async function workerOf({ files }: ShareFiles): Promise<number> {
  const handle = await files.openFolder(folder, '');
  await handle.close();
  return Number(handle.path.split('/')[2]);
}

/** The states of a process's threads, as in proc(5); none where it is gone. */
async function threadStates(pid: number): Promise<string[]> {
  const { files } = host;
  const threads = await files.list(`/proc/${pid}/task`);
  const stats = await Promise.all(
    threads.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, 'utf8').catch(() => '')),
  );
  return stats.map((stat) => /\) (\w)/.exec(stat)?.[1] ?? 'gone');
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(POLL_MS);
}

const hasStuckThread = async (pid: number) => (await threadStates(pid)).includes('D');
const isGone = async (pid: number) => (await threadStates(pid)).every((state) => state === 'Z' || state === 'gone');
const silent = { code: 'unavailable', message: expect.stringContaining('server:/export does not answer') };

describe("a share's worker process", () => {
  it('reads, writes, copies and removes', async () => {
    const { share } = setUp();
    const { files } = share;
    const source = join(folder, 'source');
    await mkdir(join(source, 'inner'), { recursive: true });
    await writeFile(join(source, 'inner', 'file'), 'text');
    await symlink('nowhere', join(source, 'link'));
    const handle = await files.openFolder(folder, '');
    await files.copy(join(handle.path, 'source'), join(handle.path, 'copy'), never);
    expect(await files.list(join(folder, 'copy'))).toEqual(['inner', 'link']);
    expect(await files.read(join(handle.path, 'copy/inner/file'), 100)).toBe('text');
    expect(await readFile(join(handle.path, 'copy/inner/file'), 'utf8')).toBe('text');
    await files.removeTree(join(handle.path, 'copy'), never);
    expect(await files.stat(join(handle.path, 'copy'))).toBeUndefined();
    await handle.close();
    expect(await host.files.list(join(folder, 'run'))).toEqual([]);
  });

  it('copies trees, tells how far it is, and goes on after its death', async () => {
    const { share } = setUp();
    const { files } = share;
    const source = join(pool.path, 'many');
    await mkdir(source);
    for (let index = 0; index < 400; index++) await writeFile(join(source, `${index}`), 'x'.repeat(5000));
    const handle = await files.openFolder(pool.path, '');
    const paths = [join(handle.path, 'many'), join(handle.path, 'many-copy')] as const;
    const told: number[] = [];
    const copying = files.copyTree(...paths, never, (progress) => {
      told.push(progress.files);
      if (told.length === 1) void share.close(); // kills the workers, in the midst of it
    });
    await expect(copying).rejects.toMatchObject({ code: 'unavailable' });
    await handle.close();
    expect(told).toHaveLength(1);
    const there = await host.files.list(join(pool.path, 'many-copy'));
    const again = setUp().share.files;
    const { files: all, filesKept, clonedBytes } = await again.copyTree(source, join(pool.path, 'many-copy'), never);
    expect(all).toBe(400);
    expect(filesKept).toBeLessThanOrEqual(there.length);
    expect(clonedBytes).toBe((all - filesKept) * 5000);
    expect(await again.list(join(pool.path, 'many-copy'))).toHaveLength(400);
  });

  it('holds up nobody while it waits for a frozen file system, is given up, and counted until it is gone', async () => {
    await freezePool();
    const { share, clock } = setUp({ unkillable: 0 });
    const stuck: number[] = [];
    for (const name of ['a', 'b']) {
      const pid = await workerOf(share);
      const writing = share.files.writeDurably(join(pool.path, name), 'text');
      await until(() => hasStuckThread(pid));
      clock.pass(CALL_MS);
      await expect(writing).rejects.toMatchObject(silent);
      expect(await isGone(pid)).toBe(false);
      stuck.push(pid);
      clock.pass(RETRY_MS);
    }
    await expect(share.files.stat(folder)).rejects.toMatchObject({
      message: expect.stringContaining('2 of its worker processes wait for it and cannot be killed'),
    });
    expect(await setUp().share.files.stat(folder)).toMatchObject({ type: 'folder' });
    await host.freezer.thaw(pool.path);
    await until(async () => (await Promise.all(stuck.map(isGone))).every(Boolean));
    clock.pass(RETRY_MS);
    await share.files.writeDurably(join(pool.path, 'a'), 'other');
    expect(await readFile(join(pool.path, 'a'), 'utf8')).toBe('other');
  });

  it('is replaced when it stands still', async () => {
    const { share, clock } = setUp();
    const pid = await workerOf(share);
    process.kill(pid, 'SIGSTOP');
    const call = share.files.stat(folder);
    const other = share.files.list(folder);
    await until(async () => clock.set().filter((ms) => ms === CALL_MS).length === 2);
    clock.pass(CALL_MS);
    await expect(call).rejects.toMatchObject(silent);
    await expect(other).rejects.toMatchObject(silent);
    await until(() => isGone(pid));
    clock.pass(RETRY_MS);
    expect(await share.files.stat(folder)).toMatchObject({ type: 'folder' });
    expect(await workerOf(share)).not.toBe(pid);
  });

  it('takes the commands with it that it has begun', async () => {
    await mkdir(join(pool.path, 'tree/a'), { recursive: true });
    await mkdir(join(pool.path, 'tree/b'));
    const { share } = setUp();
    const abort = new AbortController();
    await freezePool();
    const removing = share.files.removeTree(join(pool.path, 'tree'), abort.signal);
    const removers = () => processesNamed(join(pool.path, 'tree'));
    await until(async () => (await removers()).length > 0);
    await share.close();
    await expect(removing).rejects.toMatchObject({ code: 'unavailable' });
    await host.freezer.thaw(pool.path);
    await until(async () => (await removers()).length === 0);
    expect(await host.files.list(join(pool.path, 'tree'))).toHaveLength(1); // the call that waited was done, and no other
  });
});

/** A driver, for as much as a worker sees of one: it says the number of the worker that it has started. */
const PARENT = `
  const [program, runFolder] = process.argv.slice(1);
  const worker = require('node:child_process').fork(program, [runFolder], { serialization: 'advanced' });
  worker.once('message', () => console.log(worker.pid));
`;

describe('a worker whose driver dies', () => {
  it.each(['waits for calls', 'stands still'])('ends where it %s', async (state) => {
    const parent = spawn(process.execPath, ['-e', PARENT, program, join(folder, 'run')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanups.push(async () => parent.kill('SIGKILL'));
    const [said] = await once(parent.stdout, 'data');
    const pid = Number(said);
    if (state === 'stands still') process.kill(pid, 'SIGSTOP');
    parent.kill('SIGKILL');
    await until(() => isGone(pid));
  });
});

/** The processes that have this argument. */
async function processesNamed(argument: string): Promise<string[]> {
  const pids = (await host.files.list('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return pids.filter((_pid, index) => lines[index]?.split('\0').includes(argument));
}
