import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createShareFiles, type ShareFiles } from '../../src/nfs/worker/share-files.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { bundle } from '../faults/children.ts';
import { createManualClock, type ManualClock } from '../nfs/worker-support.ts';
import { type LabServer, labServers } from './support-nfs.ts';

const exec = promisify(execFile);
const CALL_MS = 10_000;
const RETRY_MS = 1_000;
const POLL_MS = 20;
const never = new AbortController().signal;

let healthy: LabServer;
let mortal: LabServer;
let program: string;
let folder: string;
const shares: ShareFiles[] = [];
const mounts: string[] = [];

beforeAll(async () => {
  program = await bundle('src/share-worker.ts', '../lab/share-worker.cjs'); // the one folder of the repository that the guest may write to
  ({ healthy, mortal } = await labServers());
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-nfs-worker-'));
});

afterEach(async () => {
  await mortal.resume();
  for (const share of shares.splice(0)) await share.close();
  for (const mount of mounts.splice(0)) await exec('umount', ['-f', '-l', mount]);
  await rm(folder, { recursive: true });
});

interface Mounted {
  readonly share: ShareFiles;
  readonly clock: ManualClock;
  readonly path: string; // an empty folder on the share
}

async function mounted({ address }: LabServer, options: string): Promise<Mounted> {
  const path = join(folder, `mount-${mounts.length}`);
  await mkdir(path);
  await exec('mount', ['-t', 'nfs', '-o', options, `${address}:/`, path]);
  mounts.push(path);
  const clock = createManualClock();
  const share = createShareFiles({
    name: `${address}:/`,
    runFolder: join(folder, `run-${mounts.length}`),
    log: createLog('silent'),
    limits: { callMs: CALL_MS, firstRetryMs: RETRY_MS, longestRetryMs: RETRY_MS },
    program,
    clock,
  });
  shares.push(share);
  return { share, clock, path: await mkdtemp(join(path, 'test-')) };
}

async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isSo())) await sleep(POLL_MS);
}

const isUnderWay = (clock: ManualClock) => clock.set().includes(CALL_MS);

async function isGone(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
  return /\) [ZX]/.test(stat);
}

describe('the files of an NFS share', () => {
  it('are read, written, copied and removed', async () => {
    const { share, path } = await mounted(healthy, 'vers=4.2');
    const { files } = share;
    await files.makeFolder(join(path, 'source'), 0o750);
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => files.writeDurably(join(path, 'source', `${index}.json`), `${index}`)),
    );
    const handle = await files.openFolder(path, '');
    await files.copy(join(handle.path, 'source'), join(handle.path, 'copy'), never);
    const found: string[] = [];
    for await (const batch of files.readAll(join(handle.path, 'copy'), '.json', 100)) {
      found.push(...batch.map(({ name, text }) => `${name} ${text}`));
    }
    expect(found.sort()).toEqual(Array.from({ length: 50 }, (_, index) => `${index}.json ${index}`).sort());
    await files.removeTree(join(handle.path, 'copy'), never);
    expect(await files.list(handle.path)).toEqual(['source']);
    await handle.close();
    expect(await files.statfs(path)).toMatchObject({ type: 'nfs' });
  });

  it('of a dead server hold up nobody, and are back with it', async () => {
    const { share, clock, path } = await mounted(mortal, 'vers=4.2,hard');
    const other = await mounted(healthy, 'vers=4.2,hard');
    const handle = await share.files.openFolder(path, '');
    const pid = Number(handle.path.split('/')[2]);
    await mortal.halt();

    const calls = [
      share.files.writeDurably(join(handle.path, 'a'), 'text'),
      share.files.makeFolder(join(handle.path, 'b'), 0o700),
    ];
    const outcomes = Promise.allSettled(calls);
    await until(() => isUnderWay(clock));
    await other.share.files.writeDurably(join(other.path, 'a'), 'text');
    clock.pass(CALL_MS);
    const refused = { status: 'rejected', reason: expect.objectContaining({ code: 'unavailable' }) };
    expect(await outcomes).toEqual([refused, refused]);
    await until(() => isGone(pid)); // an NFS wait is killable
    await expect(share.files.stat(path)).rejects.toThrow(`${mortal.address}:/ does not answer`);
    expect(await other.share.files.read(join(other.path, 'a'), 100)).toBe('text');

    await mortal.resume();
    clock.pass(RETRY_MS);
    await share.files.writeDurably(join(handle.path, 'a'), 'text');
    expect(share.isAnswering()).toBe(true);
    await handle.close();
  });

  it('say at once that the server is silent where their mount gives up: softerr', async () => {
    const { share, path } = await mounted(mortal, 'vers=4.2,softerr,timeo=5,retrans=1');
    await writeFile(join(path, 'a'), 'text');
    await mortal.halt();
    await expect(share.files.sync(path).then(() => share.files.makeFolder(join(path, 'b'), 0o700))).rejects.toThrow(
      'ETIMEDOUT',
    );
    expect(share.isAnswering()).toBe(false);
  });
});
