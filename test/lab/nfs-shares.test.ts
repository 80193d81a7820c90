import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Host } from '../../src/host/host.ts';
import { isNfs } from '../../src/host/nfs-mount.ts';
import { createHost } from '../../src/host/system.ts';
import { createShares, DEFAULT_SHARE_LIMITS, type Share, type ShareLimits, type Shares } from '../../src/nfs/shares.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { injectFaults } from '../faults/inject.ts';
import { type LabServer, labServers } from './support-nfs.ts';

const exec = promisify(execFile);
const LAB_MS = 60_000;
const log = createLog('silent');
const opened: Shares[] = [];

let healthy: LabServer;
let mortal: LabServer;
let folder: string;
let host: Host;
let mountCalls: () => number;

const signal = () => AbortSignal.timeout(LAB_MS);
const nfsMounts = async () =>
  (await createHost().mounts.table()).entries.filter(isNfs).map(({ mountPoint }) => mountPoint);
const shareOf = (server: string, share = '/', options = ['vers=4.2']): Share => ({ server, share, options });

function open(limits: Partial<ShareLimits> = {}): Shares {
  const faulty = injectFaults(createHost(join(folder, 'run')));
  host = faulty.host;
  mountCalls = () => faulty.calls().filter(({ method }) => method === 'nfs.mount').length;
  const shares = createShares(host, join(folder, 'shares'), log, { ...DEFAULT_SHARE_LIMITS, ...limits });
  opened.push(shares);
  return shares;
}

async function becomes(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + LAB_MS / 2;
  while (!(await condition()) && Date.now() < deadline) await setTimeout(20);
  expect(await condition()).toBe(true);
}

beforeAll(async () => {
  ({ healthy, mortal } = await labServers());
  for (const name of ['a', 'b', 'c']) await mkdir(join(healthy.folder, name), { recursive: true });
}, LAB_MS);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-nfs-shares-'));
});

afterEach(async () => {
  for (const shares of opened.splice(0)) shares.close();
  await mortal.resume();
  for (const mountPoint of await nfsMounts()) await exec('umount', ['-l', mountPoint]);
  await rm(folder, { recursive: true, force: true });
}, LAB_MS);

describe('the mounts of shares', () => {
  it('are one for each share, however many use it, and are found again after a restart', async () => {
    const shares = open();
    const share = shareOf(healthy.address);
    const uses = await Promise.all(Array.from({ length: 64 }, () => shares.use(share, signal())));
    for (let count = 0; count < 1000; count++) uses.push(await shares.use(share, signal()));
    expect(mountCalls()).toBe(1);
    expect(await nfsMounts()).toEqual([shares.pathOf(share)]);
    expect(new Set(uses.map(({ path }) => path))).toEqual(new Set([shares.pathOf(share)]));
    await writeFile(join(shares.pathOf(share), 'file'), 'data');
    shares.close();

    const restarted = open();
    await restarted.recover();
    expect(restarted.count()).toBe(1);
    const same = { ...share, options: ['hard', 'nfsvers=4.2', 'noatime'] }; // reaches it in the same way
    const use = await restarted.use(same, signal());
    expect(use.path).toBe(shares.pathOf(share));
    expect(await readdir(use.path)).toContain('file');
    expect(mountCalls()).toBe(0);
    const other = await restarted.use({ ...share, options: ['vers=4.1'] }, signal());
    expect(other.path).not.toBe(use.path);
    expect(mountCalls()).toBe(1);
  });

  it('do not wait for good, run nothing, and go when nobody uses them', async () => {
    const shares = open({ idleMs: 1 });
    const share = shareOf(healthy.address, '/run/export1', ['vers=3']);
    const [first, second] = [await shares.use(share, signal()), await shares.use(share, signal())];
    const mount = (await host.mounts.table()).at(first.path);
    expect(mount?.superOptions).toEqual(expect.arrayContaining(['vers=3', 'softerr', 'timeo=50', 'nolock']));
    expect(mount?.options).toEqual(expect.arrayContaining(['nosuid', 'nodev', 'noexec']));
    first.release();
    first.release();
    await shares.use(shareOf(healthy.address, '/a'), signal()).then(({ release }) => release());
    await becomes(() => shares.count() === 1);
    expect(await nfsMounts()).toEqual([second.path]);
    second.release();
    await becomes(() => shares.count() === 0);
    expect(await nfsMounts()).toEqual([]);
    expect(await readdir(join(folder, 'shares'))).toEqual([]);
    const again = await shares.use(share, signal());
    expect(await nfsMounts()).toEqual([again.path]);
  });

  it('are bounded: the one that is idle for longest goes, and one in use never does', async () => {
    const shares = open({ maxMounts: 2 });
    const [a, b, c] = ['/a', '/b', '/c'].map((path) => shareOf(healthy.address, path));
    if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
    const inUse = await shares.use(a, signal());
    (await shares.use(b, signal())).release();
    const third = await shares.use(c, signal());
    expect((await nfsMounts()).sort()).toEqual([inUse.path, third.path].sort());
    await expect(shares.use(b, signal())).rejects.toMatchObject({
      code: 'exhausted',
      message: expect.stringMatching(/2 NFS/),
    });
    inUse.release();
    await shares.use(b, signal());
    expect((await nfsMounts()).sort()).toEqual([shares.pathOf(b), third.path].sort());
  });

  it('of a dead server hold up nobody else, and are made when it is back', async () => {
    await mortal.halt();
    const shares = open({ mountTimeoutMs: 4000 });
    const dead = shareOf(mortal.address);
    const given = Array.from({ length: 8 }, () => shares.use(dead, AbortSignal.timeout(500)));
    for (const call of await Promise.allSettled(given)) {
      expect(call).toMatchObject({
        status: 'rejected',
        reason: { code: expect.stringMatching(/timeout|unavailable/) },
      });
      expect(call).toMatchObject({ reason: { message: expect.stringContaining('10.9.0.2:/') } });
    }
    expect(mountCalls()).toBe(1);
    const alive = await shares.use(shareOf(healthy.address), signal());
    expect(await nfsMounts()).toEqual([alive.path]);
    await mortal.resume();
    await becomes(async () => {
      const use = await shares.use(dead, AbortSignal.timeout(5000)).catch(() => undefined);
      return use !== undefined;
    });
    expect(await nfsMounts()).toHaveLength(2);
  });

  it('that someone took away or covered are made again, and stale ones on demand', async () => {
    const shares = open();
    const share = shareOf(healthy.address);
    const { path } = await shares.use(share, signal());
    await exec('umount', [path]);
    await shares.use(share, signal());
    expect(await nfsMounts()).toEqual([path]);
    await exec('mount', ['-t', 'nfs', '-o', 'vers=4.2', '127.0.0.1:/a', path]);
    await shares.use(share, signal());
    await shares.renew(share, signal());
    expect(await nfsMounts()).toEqual([]);
    await shares.use(share, signal());
    expect((await host.mounts.table()).at(path)?.source).toBe('127.0.0.1:/');
    expect(await nfsMounts()).toEqual([path]);
  });

  it('that cannot be made leave nothing, and an aborted call asks for nothing', async () => {
    const shares = open();
    await expect(shares.use(shareOf(healthy.address, '/missing'), signal())).rejects.toMatchObject({
      code: 'not-found',
    });
    await becomes(() => shares.count() === 0);
    expect(await readdir(join(folder, 'shares'))).toEqual([]);
    await expect(shares.use(shareOf(healthy.address), AbortSignal.abort())).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(shares.count()).toBe(0);
    expect(await nfsMounts()).toEqual([]);
  });
});
