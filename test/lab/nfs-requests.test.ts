import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { forkProgram } from '../../src/host/fork.ts';
import { createShareFiles } from '../../src/nfs/worker/share-files.ts';
import type { Driver } from '../../src/volumes/driver.ts';
import { signal } from '../support/driver.ts';
import { type LabServer, labServers } from './support-nfs.ts';
import { requestsBeneath, sentBetween } from './support-requests.ts';
import { startShareDriver } from './support-share-driver.ts';

const FILES = 16;

let server: LabServer;
let folder: string;
let driver: Driver;
let asked = 0; // calls to the share's processes

beforeAll(async () => {
  server = (await labServers()).healthy;
  folder = await mkdtemp(join(tmpdir(), 'stowage-nfs-requests-'));
  driver = await startShareDriver(folder, (options) =>
    createShareFiles(options, (start) => {
      const program = forkProgram(start);
      return {
        ...program,
        send(message) {
          if ('method' in message) asked += 1;
          program.send(message);
        },
      };
    }),
  );
});
afterAll(async () => {
  await driver.stop();
  await promisify(execFile)('umount', ['-a', '-l', '-t', 'nfs,nfs4']);
  await rm(folder, { recursive: true });
});

const create = (name: string) =>
  driver.service.createVolume(
    {
      name,
      size: { requiredBytes: 1024 ** 2, limitBytes: undefined },
      capabilities: [{ access: { type: 'mount', fsType: undefined, mountFlags: [] }, mode: 'MULTI_NODE_MULTI_WRITER' }],
      parameters: {
        share: {
          source: { server: server.address, share: '/' },
          options: ['vers=4.2'],
          subDir: undefined,
          mode: undefined,
          uid: undefined,
          gid: undefined,
        },
      },
      mutableParameters: {},
      source: undefined,
      requisite: [],
    },
    signal(),
  );

const TRIES = 5;

/** What is sent at the least of some tries: where a moment has passed since the last, what client and driver know is old, and looked at again. */
async function costOf(work: (index: number) => Promise<unknown>) {
  const costs = [];
  for (let index = 0; index < TRIES; index++) costs.push(await costOfOne(() => work(index)));
  costs.sort((a, b) => a.calls + a.looks - b.calls - b.looks);
  const [least] = costs;
  if (least === undefined) throw new Error('nothing was tried');
  return least;
}

async function costOfOne(work: () => Promise<unknown>) {
  const before = await requestsBeneath(folder);
  const askedBefore = asked;
  await work();
  const sent = sentBetween(before, await requestsBeneath(folder));
  const { GETATTR = 0, LOOKUP = 0, ACCESS = 0, ...changes } = sent;
  return { calls: asked - askedBefore, looks: GETATTR + LOOKUP + ACCESS, changes };
}

const DURABLE_WRITE = { OPEN: 1, WRITE: 1, CLOSE: 1, RENAME: 1 };

it('few requests make a volume, and few remove it', async () => {
  await create('first');
  await create('second');
  const ids: string[] = [];
  const created = await costOf(async (index) => {
    ids.push((await create(`next-${index}`)).id);
  });
  expect(created).toMatchObject({
    calls: 3,
    changes: { OPEN: 2, WRITE: 2, CLOSE: 2, RENAME: 2, SYMLINK: 1, CREATE: 1 },
  });
  expect(created.looks).toBeLessThanOrEqual(3);
  const deleted = await costOf((index) => driver.service.deleteVolume({ volumeId: ids[index] ?? '' }, signal()));
  expect(deleted).toMatchObject({ calls: 2, changes: { ...DURABLE_WRITE, RENAME: 2, REMOVE: 1 } });
  expect(deleted.looks).toBeLessThanOrEqual(3);
  await driver.idle();
});

it('a snapshot takes eleven requests for each file', async () => {
  const { id } = await create('tree');
  await mkdir(join(server.folder, 'tree/data'));
  for (let index = 0; index < FILES; index++) await writeFile(join(server.folder, `tree/data/${index}`), `${index}`);
  const { changes, looks } = await costOf(async (index) => {
    const request = { name: `snapshot-${index}`, sourceVolumeId: id };
    for (let isReady = false; !isReady; ) ({ ready: isReady } = await driver.service.createSnapshot(request, signal()));
  });
  expect(changes).toMatchObject({ CLONE: FILES, RENAME: 3, WRITE: 2 });
  const all = Object.values(changes).reduce((sum, count) => sum + count, looks);
  expect(all).toBeLessThanOrEqual(11 * FILES + 40);
});
