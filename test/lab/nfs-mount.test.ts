import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Host } from '../../src/host/host.ts';
import { isNfs } from '../../src/host/nfs-mount.ts';
import { createHost } from '../../src/host/system.ts';
import { type LabServer, labServers } from './support-nfs.ts';

const exec = promisify(execFile);
const LAB_MS = 60_000;

let healthy: LabServer;
let mortal: LabServer;
let folder: string;
let runFolder: string;
let target: string;
let host: Host;

const signal = () => AbortSignal.timeout(LAB_MS);
const mountsAt = async (path: string) =>
  (await host.mounts.table()).entries.filter((entry) => entry.mountPoint === path);
const nfsMounts = async () => (await host.mounts.table()).entries.filter(isNfs);

beforeAll(async () => {
  ({ healthy, mortal } = await labServers());
}, LAB_MS);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-nfs-mount-'));
  runFolder = join(folder, 'run');
  target = join(folder, 'target');
  await mkdir(target);
  host = createHost(runFolder);
});

afterEach(async () => {
  await mortal.resume();
  for (const { mountPoint } of await nfsMounts()) await exec('umount', ['-l', mountPoint]);
  await rm(folder, { recursive: true, force: true });
}, LAB_MS);

/** Nothing is left: no mount, and no place of one under way. */
async function expectNothingLeft(): Promise<void> {
  expect(await nfsMounts()).toEqual([]);
  expect(await readdir(runFolder)).toEqual([]);
}

describe('a mount of NFS', () => {
  it.each([
    ['4.2', ['vers=4.2'], '/'],
    ['4.1', ['vers=4.1', 'hard'], '/'],
    ['3 without locks', ['vers=3', 'nolock'], '/run/export1'],
    ['3 with rpc.statd', ['vers=3'], '/run/export1'],
    ['the best version there is', [], '/'],
  ])('is made and taken away: NFS %s', async (_name, options, path) => {
    await writeFile(join(healthy.folder, 'hello'), 'hello');
    const source = `${healthy.address}:${path}`;
    await host.nfs.mount(source, target, [...options, 'noexec', 'nosuid'], signal());
    expect(await mountsAt(target)).toMatchObject([{ source, options: expect.arrayContaining(['noexec', 'nosuid']) }]);
    expect(await nfsMounts()).toHaveLength(1);
    expect(await readdir(runFolder)).toEqual([]);
    expect(await readdir(target)).toContain('hello');
    await writeFile(join(target, 'written'), 'through NFS');
    await host.nfs.unmount(target, { force: false }, signal());
    await host.nfs.unmount(target, { force: false }, signal());
    await expectNothingLeft();
    expect(await readdir(healthy.folder)).toContain('written');
  });

  it.each([
    ['is missing at the server', '127.0.0.1:/missing', ['vers=4.2'], 'not-found', /no such folder/],
    ['is not exported', '127.0.0.1:/usr', ['vers=3', 'nolock'], 'precondition', /does not export it/],
    ['has an option that NFS lacks', '127.0.0.1:/', ['frobnicate=1'], 'invalid', /frobnicate=1/],
    ['is of a server without a name', 'no.such.host.invalid:/', [], 'unavailable', /resolve/],
    ['is of a machine that serves no NFS', '127.0.0.77:/', ['port=9', 'vers=4.2'], 'unavailable', /does not answer/],
  ])('that %s says so', async (_name, source, options, code, message) => {
    const failure = host.nfs.mount(source, target, options, signal());
    await expect(failure).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await expect(failure).rejects.toThrow(source);
    await expectNothingLeft();
  });

  it.each([
    ['-o:/x', []],
    ['server', []],
    ['server:x', []],
    ['a b:/x', []],
    ['server:/x\n', []],
    ['server:/', ['ro,exec']],
    ['server:/', ['']],
    ['server:/', ['a b']],
  ])('is not tried with a source or options that are none: %j %j', async (source, options) => {
    await expect(host.nfs.mount(source, target, options, signal())).rejects.toMatchObject({ code: 'invalid' });
  });

  it('of a dead server ends at the deadline, leaves nothing, and can be made once the server is back', async () => {
    await mortal.halt();
    const source = `${mortal.address}:/`;
    const calls = Array.from({ length: 6 }, () =>
      host.nfs.mount(source, target, ['vers=4.2'], AbortSignal.timeout(3000)),
    );
    for (const call of await Promise.allSettled(calls)) {
      expect(call).toMatchObject({
        status: 'rejected',
        reason: { code: expect.stringMatching(/timeout|unavailable/) },
      });
      expect(call).toMatchObject({ reason: { message: expect.stringContaining(source) } });
    }
    await expectNothingLeft();
    const healthyTarget = join(folder, 'healthy');
    await mkdir(healthyTarget);
    await host.nfs.mount(`${healthy.address}:/`, healthyTarget, ['vers=4.2'], signal());
    await mortal.resume();
    await host.nfs.mount(source, target, ['vers=4.2'], signal());
    expect(await nfsMounts()).toHaveLength(2);
    expect(await readdir(runFolder)).toEqual([]);
  });

  it('leaves the tree at once while its server is dead and files are open, also other mounts of that device', async () => {
    const other = join(folder, 'other');
    await mkdir(other);
    for (const path of [target, other]) await host.nfs.mount(`${mortal.address}:/`, path, ['vers=4.2'], signal());
    const [first, second] = [...(await mountsAt(target)), ...(await mountsAt(other))];
    expect(second?.device).toBe(first?.device); // one superblock
    const reader = spawn('sh', ['-c', 'exec 3>"$1"; echo ready; exec sleep 1000', 'sh', join(target, 'open')]);
    try {
      await new Promise((resolve) => reader.stdout.once('data', resolve));
      await mortal.halt();
      await host.nfs.unmount(target, { force: false }, AbortSignal.timeout(10_000));
      expect(await mountsAt(target)).toEqual([]);
      expect(await mountsAt(other)).toHaveLength(1);
      await host.nfs.unmount(other, { force: true }, AbortSignal.timeout(10_000));
      expect(await nfsMounts()).toEqual([]);
    } finally {
      reader.kill('SIGKILL');
      await mortal.resume();
    }
  });

  it('leaves the tree by the deadline also with data for a dead server, which is written when that is back', async () => {
    await host.nfs.mount(`${mortal.address}:/`, target, ['vers=4.2'], signal());
    // A shell would close a copy of the file with each command, and wait for the server there.
    const script =
      '$|=1; open F, ">", $ARGV[0] or die; print "open\\n"; <STDIN>; syswrite F, "dirty"; print "written\\n"; sleep';
    const writer = spawn('perl', ['-e', script, join(target, 'dirty')]);
    try {
      await new Promise((resolve) => writer.stdout.once('data', resolve));
      await mortal.halt();
      writer.stdin.write('\n');
      await new Promise((resolve) => writer.stdout.once('data', resolve));
    } finally {
      writer.kill('SIGKILL');
    }
    await host.nfs.unmount(target, { force: false }, AbortSignal.timeout(5000));
    expect(await nfsMounts()).toEqual([]);
    await mortal.resume();
    const written = () => readFile(join(mortal.folder, 'dirty'), 'utf8');
    for (let tries = 0; (await written()) !== 'dirty' && tries < 300; tries++) await setTimeout(100);
    expect(await written()).toBe('dirty');
  });

  it('is left alone by unmount where it is none of NFS', async () => {
    await host.mounts.mountMemory(target, { sizeBytes: 1024 ** 2, inodes: 10 }, 0o755);
    await expect(host.nfs.unmount(target, { force: false }, signal())).rejects.toMatchObject({ code: 'precondition' });
    expect(await mountsAt(target)).toHaveLength(1);
    await host.mounts.detach(target);
  });

  it('that a killed process was making is taken away at the start, those under way are not', async () => {
    const left = join(runFolder, 'stowage-nfs-killed');
    await mkdir(join(left, 'tree'), { recursive: true });
    await exec('mount', ['-t', 'nfs', '-o', 'vers=4.2', `${healthy.address}:/`, join(left, 'tree')]);
    const mounting = host.nfs.mount(`${healthy.address}:/`, target, ['vers=4.2'], signal());
    await createHost(runFolder).nfs.recover();
    await mounting;
    expect((await nfsMounts()).map(({ mountPoint }) => mountPoint)).toEqual([target]);
    expect(await readdir(runFolder)).toEqual([]);
  });
});
