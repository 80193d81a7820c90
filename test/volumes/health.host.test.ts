import { execFile } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, expect, it } from '@jest/globals';
import type { Host } from '../../src/host/host.ts';
import { stagedAt } from '../../src/staging/stage.ts';
import type { Condition } from '../../src/volumes/service.ts';
import { fill } from '../support/content.ts';
import { MIB, makeDriver, mount, type PoolSetup, signal, type TestDriver } from '../support/driver.ts';
import { findmnt, shutDown } from '../support/pools.ts';

const run = promisify(execFile);
const POLL_MS = 10;

let at: TestDriver;
let id: string;
let undo: () => Promise<unknown> = async () => undefined;

afterEach(async () => {
  await undo();
  undo = async () => undefined;
  await at.cleanup();
});

/** A driver with one volume, staged and published. */
async function begin(
  kind: PoolSetup['kind'],
  config: PoolSetup['config'],
  fsType?: string,
  wrap?: (host: Host) => Host,
): Promise<void> {
  const sizeBytes = fsType === 'xfs' ? 300 * MIB : 32 * MIB;
  const capability = mount(undefined, fsType);
  at = await makeDriver({ pools: [{ name: 'p', kind, config }], sizeBytes, capability, ...(wrap && { wrap }) });
  ({ id } = await at.create('data'));
  await at.stage(id);
  await fill(await at.publish(id, 'pod'));
}

/** What each of the three calls says of the volume. */
async function conditions(): Promise<Condition[]> {
  const status = await at.service.getVolume({ volumeId: id }, signal());
  const { entries } = await at.service.listVolumes({ maxEntries: 0, startingToken: undefined }, signal());
  const listed = entries.find(({ volume }) => volume.id === id);
  const stats = await at.service.stats(
    { volumeId: id, volumePath: at.target('pod'), stagingPath: undefined },
    signal(),
  );
  if (listed === undefined) throw new Error('the volume is not listed');
  return [status.condition, listed.condition, stats.condition];
}

async function expectProblem(...words: readonly (string | RegExp)[]): Promise<void> {
  for (const { abnormal, message } of await conditions()) {
    expect(abnormal).toBe(true);
    for (const word of words) expect(message).toMatch(word);
  }
}

async function expectHealth(): Promise<void> {
  for (const condition of await conditions()) expect(condition).toEqual({ abnormal: false, message: 'in order' });
}

const sysfsOfExt4 = async (mountPoint: string) =>
  `/sys/fs/ext4/${(await findmnt('SOURCE', mountPoint)).replace('/dev/', '')}`;

/** As a broken disk would have it: ext4 counts an error and does what its `errors=` says. */
async function failExt4(mountPoint: string): Promise<void> {
  await writeFile(`${await sysfsOfExt4(mountPoint)}/trigger_fs_error`, '1');
}

/** An ext4 that goes on counts its errors with the journal's next transaction, after the call that met them. */
async function untilCounted(mountPoint: string, errors: number): Promise<void> {
  const path = `${await sysfsOfExt4(mountPoint)}/errors_count`;
  while (Number(await readFile(path, 'utf8')) < errors) await sleep(POLL_MS);
}

async function dataPath(): Promise<string> {
  const [name = ''] = await readdir(join(at.poolPath(), 'volumes'));
  return join(at.poolPath(), 'volumes', name);
}

const image = { backend: 'image' } as const;
const directory = { backend: 'directory', quota: 'advisory' } as const;

it.each([
  { title: 'image', config: image },
  { title: 'directory', config: directory },
])('says that the XFS of the pool was shut down: $title', async ({ config }) => {
  await begin('xfs', config);
  await expectHealth();
  await shutDown(at.poolPath());
  await expectProblem(
    'pool p',
    'xfs file system at',
    'was shut down after an error',
    /run xfs_repair \/dev\/loop\d+ and mount/,
  );
});

it('says that the XFS of a volume was shut down', async () => {
  await begin('ext4', image, 'xfs');
  await expectHealth();
  await shutDown(stagedAt(at.stagingPath(id)));
  await expectProblem('xfs file system at', 'was shut down after an error', 'xfs_repair');
});

it.each([
  { title: 'image', config: image },
  { title: 'directory', config: directory },
])('says that the ext4 of the pool stopped writing after an error: $title', async ({ config }) => {
  await begin('ext4', config);
  await expectHealth();
  await run('mount', ['-o', 'remount,errors=remount-ro', at.poolPath()]);
  await failExt4(at.poolPath());
  await expectProblem(
    'pool p',
    'ext4 file system at',
    /stopped writing after an error|is read-only/,
    'e2fsck -f /dev/loop',
  );
});

it('says that the ext4 of a volume stopped writing after an error', async () => {
  await begin('xfs', image);
  await run('mount', ['-o', 'remount,errors=remount-ro', stagedAt(at.stagingPath(id))]);
  await failExt4(stagedAt(at.stagingPath(id)));
  await expectProblem('ext4 file system at', /stopped writing after an error|is read-only/, 'e2fsck');
});

it('counts the errors that an ext4 met and went on', async () => {
  await begin('ext4', directory);
  await failExt4(at.poolPath());
  await failExt4(at.poolPath());
  await untilCounted(at.poolPath(), 2);
  await expectProblem('has met 2 errors, the last in trigger_test_error', 'e2fsck');
});

it('says that the pool is read-only', async () => {
  await begin('ext4', directory);
  await run('mount', ['-o', 'remount,ro', at.poolPath()]);
  await expectProblem('pool p', 'is read-only');
  await run('mount', ['-o', 'remount,rw', at.poolPath()]);
  await expectHealth();
});

it('says that the XFS on a disk that was mounted beforehand was shut down', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-disks-'));
  const disk = join(folder, 'disks', 'one');
  const script = 'mkdir -p "$1" && truncate -s 300M "$2" && mkfs.xfs -q "$2" && mount -o loop "$2" "$1"';
  await run('sh', ['-c', script, 'sh', disk, join(folder, 'image')]);
  undo = async () => {
    await at.stop();
    await run('sh', ['-c', 'umount -A "$2"; rm -r "$1"', 'sh', folder, await findmnt('SOURCE', disk)]);
  };
  await begin('folder', { backend: 'disk', discovery: join(folder, 'disks') });
  await expectHealth();
  await shutDown(disk);
  await expectProblem('xfs file system at', 'was shut down after an error', 'xfs_repair');
});

it('takes a volume that is published read-only for healthy', async () => {
  await begin('xfs', image);
  await at.publish(id, 'reader', { readOnly: true });
  await expectHealth();
});

it('says that an image was cut short', async () => {
  await begin('xfs', image);
  await truncate(await dataPath(), 16 * MIB);
  await expectProblem('16777216 bytes, not 33554432', 'truncated', 'restore it from a snapshot or a backup');
});

it.each(['ext4', 'xfs'])('says that an image with %s was overwritten', async (fsType) => {
  await begin('xfs', image, fsType);
  await expectHealth();
  const file = await open(await dataPath(), 'r+');
  try {
    await file.write(Buffer.alloc(8192, 'x'), 0, 8192, 0);
  } finally {
    await file.close();
  }
  await expectProblem(`does not begin with an ${fsType} file system`, 'overwritten', 'restore');
});

it('says that an image is missing, or is something else', async () => {
  await begin('xfs', image);
  const path = await dataPath();
  await run('mv', [path, `${path}-away`]);
  await expectProblem('is missing', 'restore');
  await run('mkdir', [path]);
  await expectProblem('is a folder, not a file');
  await run('sh', ['-c', 'rmdir "$1" && mv "$1-away" "$1"', 'sh', path]);
  await expectHealth();
});

it('says that the folder of a volume is missing, or is something else', async () => {
  await begin('xfs', directory);
  const path = await dataPath();
  await run('mv', [path, `${path}-away`]);
  await expectProblem('its folder', 'is missing');
  await writeFile(path, '');
  await expectProblem('is a file, not a folder');
});

it.each([
  { title: 'image', config: image },
  { title: 'directory', config: directory },
])('waits for no write: the pool is frozen: $title', async ({ config }) => {
  await begin('xfs', config);
  await run('fsfreeze', ['-f', at.poolPath()]);
  undo = () => run('fsfreeze', ['-u', at.poolPath()]);
  await expectHealth();
});

it('answers where the disk does not, and lets one thread wait for it', async () => {
  let reads = 0;
  let hangs = false;
  let answer: () => void = () => undefined;
  await begin('xfs', image, undefined, (host) => ({
    ...host,
    files: {
      ...host.files,
      async readStart(...args) {
        reads++;
        if (hangs)
          await new Promise<void>((resolve) => {
            answer = resolve;
          });
        return host.files.readStart(...args);
      },
    },
  }));
  await at.create('other');
  reads = 0;
  hangs = true;
  await expectProblem('pool p has not answered for 7 s', 'dmesg');
  expect(reads).toBe(1);
  hangs = false;
  answer();
  await expectHealth();
}, 60_000);

it.each([
  { title: 'image', config: image },
  { title: 'directory', config: directory },
])('says that the disk of the pool is offline, or gone: $title', async ({ config }) => {
  let state: string | undefined = 'running\n';
  await begin('xfs', config, undefined, (host) => ({
    ...host,
    files: {
      ...host.files,
      async read(path, maxBytes) {
        if (!path.startsWith('/sys/dev/block/')) return host.files.read(path, maxBytes);
        if (path.endsWith('/device/state')) return state;
        return state === undefined ? undefined : host.files.read(path, maxBytes);
      },
    },
  }));
  await expectHealth();
  state = 'offline\n';
  await expectProblem('pool p', /its disk \/dev\/loop\d+ is offline/, 'replace it');
  state = undefined;
  await expectProblem('pool p', /its disk \(\d+:\d+\) is gone/);
});

it.each([
  { title: 'image', config: image },
  { title: 'directory', config: directory },
])('says that the pool is not mounted: $title', async ({ config }) => {
  await begin('xfs', { ...config, requireMount: true });
  const source = await findmnt('SOURCE', at.poolPath());
  const device = config.backend === 'image' ? await findmnt('SOURCE', stagedAt(at.stagingPath(id))) : undefined;
  await run('umount', ['-l', at.poolPath()]);
  undo = async () => {
    await run('mount', [source, at.poolPath()]);
    // It shows no path beneath the pool any more, by which the cleanup would find it: it goes with its last mount.
    if (device !== undefined) await run('losetup', ['-d', device]);
  };
  await expectProblem('pool p', 'no file system is mounted at', 'mount its disk there');
});
