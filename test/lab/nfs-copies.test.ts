import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createHost } from '../../src/host/system.ts';
import { fill, fingerprint } from '../support/content.ts';
import { type LabServer, labServers } from './support-nfs.ts';

const exec = promisify(execFile);
const { files } = createHost();
const soon = () => AbortSignal.timeout(60_000);

let server: LabServer;
let folder: string;
const mounts: string[] = [];

beforeAll(async () => {
  server = (await labServers()).healthy;
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-nfs-copies-'));
});
afterEach(async () => {
  await rm(join(server.folder, 'copies'), { recursive: true, force: true });
  for (const mount of mounts.splice(0)) await exec('umount', ['-f', '-l', mount]);
  await rm(folder, { recursive: true });
});

/** A mount with a cache of its own; NFS 3 has the server's own path. @returns its path */
async function mounted(version: string, share = version === '3' ? server.folder : '/'): Promise<string> {
  const path = join(folder, `${mounts.length}`);
  await mkdir(path);
  await exec('mount', ['-t', 'nfs', '-o', `vers=${version},nolock,nosharecache`, `${server.address}:${share}`, path]);
  mounts.push(path);
  return path;
}

/** How often the clients of this machine asked for that, as mountstats(8) tells. */
async function operations(name: string): Promise<number> {
  const text = await readFile('/proc/self/mountstats', 'utf8');
  return [...text.matchAll(new RegExp(`^\\s*${name}: (\\d+)`, 'gm'))].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

/** One text for each entry, in no order of the server's. */
const acls = async (path: string) =>
  (await exec('getfacl', ['-R', '-n', '.'], { cwd: path })).stdout.trim().split('\n\n').sort();

describe('a tree on NFS', () => {
  it.each([
    { version: '4.2', clones: true },
    { version: '3', clones: false },
  ])(
    'is copied with all that version $version carries, and a copy that was cut off goes on',
    async ({ version, clones }) => {
      const share = await mounted(version);
      const [from, to] = [join(share, 'copies/from'), join(share, 'copies/to')];
      await mkdir(from, { recursive: true });
      await fill({ type: 'tree', path: from });
      for (let index = 0; index < 20; index++) await writeFile(join(from, `${index}`), 'x'.repeat(5000));
      if (version === '3') await exec('setfacl', ['-m', 'u:77:rw', join(from, 'data')]);
      if (version === '3') await exec('setfacl', ['-d', '-m', 'g:88:rx', join(from, 'a folder')]);
      const before = { print: await fingerprint({ type: 'tree', path: from }), acls: await acls(from) };
      const cloned = await operations('CLONE');
      const abort = new AbortController();
      let done = 0;
      const first = files.copyTree(from, to, abort.signal, (progress) => {
        done = progress.files;
        if (done >= 12) abort.abort();
      });
      await expect(first).rejects.toMatchObject({ code: 'cancelled' });
      const { files: all, filesKept, clonedBytes, rangeBytes, copiedBytes } = await files.copyTree(from, to, soon());
      expect(filesKept).toBe(done);
      expect(all).toBeGreaterThan(20);
      expect(clonedBytes > 0).toBe(clones);
      expect(rangeBytes + copiedBytes > 0).toBe(!clones);
      expect((await operations('CLONE')) > cloned).toBe(clones);
      expect({ print: await fingerprint({ type: 'tree', path: to }), acls: await acls(to) }).toEqual(before);
      const { allocatedBytes } = (await files.stat(join(server.folder, 'copies/to/hole'))) ?? {};
      expect(allocatedBytes).toBeLessThan(1024 ** 2);
    },
  );

  it('is copied with what another node has just written', async () => {
    const [ours, others] = [await mounted('4.2'), await mounted('4.2')];
    const from = join(ours, 'copies/from');
    await mkdir(from, { recursive: true });
    await writeFile(join(from, 'first'), 'first');
    await files.copyTree(from, join(ours, 'copies/to-1'), soon());
    await writeFile(join(others, 'copies/from/second'), 'second');
    await writeFile(join(others, 'copies/from/first'), 'changed');
    await files.copyTree(from, join(ours, 'copies/to-2'), soon());
    expect(await files.read(join(ours, 'copies/to-2/second'), 100)).toBe('second');
    expect(await files.read(join(ours, 'copies/to-2/first'), 100)).toBe('changed');
  });
});

describe('a server’s ext4, which cannot clone', () => {
  const name = 'ext4';
  let exported: string;

  beforeEach(async () => {
    exported = join(server.folder, name);
    const image = join(folder, 'image');
    await exec('truncate', ['-s', '64M', image]);
    await exec('mkfs.ext4', ['-q', image]);
    await mkdir(exported);
    await exec('mount', ['-o', 'loop', image, exported]);
    await exec('exportfs', ['-o', 'rw,no_root_squash,no_subtree_check,insecure,fsid=77', `*:${exported}`]);
  });
  afterEach(async () => {
    await exec('exportfs', ['-u', `*:${exported}`]);
    await exec('exportfs', ['-f']);
    await exec('umount', ['-l', exported]);
    await rm(exported, { recursive: true });
  });

  it('copies a tree by itself, with COPY of NFS 4.2', async () => {
    const share = await mounted('4.2', `/${name}`);
    const [from, to] = [join(share, 'from'), join(share, 'to')];
    await mkdir(from);
    for (let index = 0; index < 3; index++) await writeFile(join(from, `${index}`), `${index}`.repeat(300_000));
    const asked = await operations('COPY');
    const { clonedBytes, rangeBytes, copiedBytes } = await files.copyTree(from, to, soon());
    expect({ clonedBytes, rangeBytes, copiedBytes }).toEqual({ clonedBytes: 0, rangeBytes: 900_000, copiedBytes: 0 });
    expect(await operations('COPY')).toBeGreaterThanOrEqual(asked + 3);
    for (let index = 0; index < 3; index++)
      expect(await readFile(join(exported, 'to', `${index}`), 'utf8')).toBe(`${index}`.repeat(300_000));
  });
});
