import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, it } from '@jest/globals';
import { MIB, makeDriver, mount, type PoolSetup, signal, type TestDriver } from '../support/driver.ts';

/** What the conditions say when a real disk answers with errors, or not at all: a device of the device mapper. */
const run = promisify(execFile);
const DISK = 'stowage-health';
const SECTORS = (400 * MIB) / 512;

let at: TestDriver;
let undo: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await at.stop();
  await run('dmsetup', ['resume', DISK]);
  for (const step of undo.reverse()) await step();
  undo = [];
  await at.cleanup();
});

/** A driver with the pool `bad` on a disk that the test can break, and `good` beside it. */
async function begin(fsType: 'xfs' | 'ext4', config: PoolSetup['config']): Promise<void> {
  const pools = ['bad', 'good'].map((name) => ({ name, kind: 'folder', config }) as const);
  at = await makeDriver({ pools, sizeBytes: 32 * MIB, capability: mount() });
  await at.stop();
  const folder = await mkdtemp(join(tmpdir(), 'stowage-health-'));
  undo.push(() => rm(folder, { recursive: true }));
  await run('truncate', ['-s', `${400 * MIB}`, join(folder, 'disk')]);
  const { stdout } = await run('losetup', ['-f', '--show', join(folder, 'disk')]);
  const loop = stdout.trim();
  undo.push(() => run('losetup', ['-d', loop]));
  await run('dmsetup', ['create', DISK, '--table', `0 ${SECTORS} linear ${loop} 0`]);
  undo.push(() => run('dmsetup', ['remove', DISK]));
  await run(`mkfs.${fsType}`, ['-q', `/dev/mapper/${DISK}`]);
  const mounting = 'mount "$1" "$2" && cp -a "$3/." "$2" && umount "$2" && mount "$1" "$3"';
  await run('mkdir', [join(folder, 'mnt')]);
  await run('sh', ['-c', mounting, 'sh', `/dev/mapper/${DISK}`, join(folder, 'mnt'), at.poolPath('bad')]);
  undo.push(() => run('umount', [at.poolPath('bad')]));
  await at.restart();
}

async function create(pool: string): Promise<string> {
  return (await at.create(`in-${pool}`, { parameters: { pool } })).id;
}

async function conditionOf(volumeId: string) {
  return (await at.service.getVolume({ volumeId }, signal())).condition;
}

async function listed(volumeId: string) {
  const { entries } = await at.service.listVolumes({ maxEntries: 0, startingToken: undefined }, signal());
  return entries.find(({ volume }) => volume.id === volumeId)?.condition;
}

it.each(['xfs', 'ext4'] as const)('a disk that answers with errors, under a pool on %s', async (fsType) => {
  await begin(fsType, { backend: 'directory', quota: 'advisory' });
  const [bad, good] = [await create('bad'), await create('good')];
  for (const id of [bad, good]) expect(await conditionOf(id)).toEqual({ abnormal: false, message: 'in order' });
  await run('dmsetup', ['load', DISK, '--table', `0 ${SECTORS} error`]);
  await run('dmsetup', ['resume', DISK]);
  await writeFile(join(at.poolPath('bad'), 'file'), 'x').catch(() => undefined);
  await run('sync', ['-f', at.poolPath('bad')]).catch(() => undefined);
  for (const found of [await conditionOf(bad), await listed(bad)]) {
    expect(found).toMatchObject({ abnormal: true, message: expect.stringContaining('pool bad') });
    expect(found?.message).toMatch(/was shut down after an error|stopped writing after an error|has met \d+ errors/);
    expect(found?.message).toMatch(/\/dev\/dm-\d+/);
  }
  for (const found of [await conditionOf(good), await listed(good)]) expect(found?.abnormal).toBe(false);
});

it('a disk that does not answer at all', async () => {
  await begin('xfs', { backend: 'image' });
  const [bad, good] = [await create('bad'), await create('good')];
  await run('sync');
  await run('dmsetup', ['suspend', '--nolockfs', '--noflush', DISK]);
  await writeFile('/proc/sys/vm/drop_caches', '1'); // or the page cache would answer for the disk
  for (const found of [await conditionOf(bad), await listed(bad)]) {
    expect(found).toMatchObject({ abnormal: true });
    expect(found?.message).toContain('pool bad has not answered for 7 s');
  }
  expect(await conditionOf(good)).toEqual({ abnormal: false, message: 'in order' });
  await run('dmsetup', ['resume', DISK]);
  expect(await conditionOf(bad)).toEqual({ abnormal: false, message: 'in order' });
});
