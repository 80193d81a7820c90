import { createHash } from 'node:crypto';
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isStowageError, messageOf } from '../../src/errors.ts';
import type { Driver } from '../../src/volumes/driver.ts';
import type { CreateVolumeRequest, OnDelete, ShareWish } from '../../src/volumes/requests.ts';
import { signal } from '../support/driver.ts';
import { labServers, nfsUp } from './support-nfs.ts';
import { startShareDriver } from './support-share-driver.ts';

const SERVER = '127.0.0.1';
const SHARE = '/bad-input';
const EXPORTS = [
  { name: 'read-only', fsid: 21, mode: '0777', options: 'ro,no_root_squash' },
  { name: 'full', fsid: 22, mode: '0777', options: 'rw,no_root_squash' },
  { name: 'squashed', fsid: 23, mode: '0755', options: 'rw,root_squash' },
  { name: 'squashed-open', fsid: 24, mode: '0777', options: 'rw,root_squash' },
] as const;
const MIB = 1024 ** 2;

let root: string; // the share, as the server has it
let folder: string;
let driver: Driver;

beforeAll(async () => {
  root = join((await labServers()).healthy.folder, SHARE);
  await mkdir(root);
  folder = await mkdtemp(join(tmpdir(), 'stowage-nfs-bad-input-'));
  // Small file systems of their own beneath the exported root. A tmpfs has no id by which an export can be found: it needs an fsid.
  const scripts = EXPORTS.map(
    ({ name, fsid, mode, options }) =>
      `mkdir ${root}/${name} && mount -t tmpfs -o size=256k,mode=${mode} stowage-test ${root}/${name} && exportfs -o ${options},fsid=${fsid},no_subtree_check,insecure '*:${root}/${name}'`,
  );
  await nfsUp(scripts.join(' && '));
  driver = await startShareDriver(folder);
});
afterAll(async () => {
  await driver?.stop();
  const scripts = EXPORTS.map(
    ({ name }) => `exportfs -u '*:${root}/${name}'; umount -l ${root}/${name}; rmdir ${root}/${name}`,
  );
  await nfsUp(['umount -a -l -t nfs,nfs4', ...scripts].join('; '));
  for (const left of [folder, root]) await rm(left, { recursive: true });
});

interface Wanted extends Partial<Pick<ShareWish, 'subDir' | 'mode' | 'uid' | 'gid'>> {
  readonly share?: string;
  readonly onDelete?: OnDelete;
}

function request(name: string, { share = SHARE, onDelete = 'delete', ...place }: Wanted): CreateVolumeRequest {
  return {
    name,
    size: { requiredBytes: MIB, limitBytes: undefined },
    capabilities: [{ access: { type: 'mount', fsType: undefined, mountFlags: [] }, mode: 'MULTI_NODE_MULTI_WRITER' }],
    parameters: {
      onDelete,
      share: {
        source: { server: SERVER, share },
        options: [],
        subDir: undefined,
        mode: undefined,
        uid: undefined,
        gid: undefined,
        ...place,
      },
    },
    mutableParameters: {},
    source: undefined,
    requisite: [],
  };
}

const created = async (name: string, wanted: Wanted) =>
  (await driver.service.createVolume(request(name, wanted), signal())).id;

async function deleted(volumeId: string): Promise<void> {
  await driver.service.deleteVolume({ volumeId }, signal());
  await driver.idle();
}

/** The code and the words of what a call throws. */
async function failure(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    return `${isStowageError(error) ? error.code : 'raw'}: ${messageOf(error)}`;
  }
}

/** All that a tree has, but for our own folders: a line for each. Links are not followed. */
async function treeOf(top: string): Promise<string[]> {
  const entries = await readdir(top, { withFileTypes: true });
  const lines = entries
    .filter(({ name }) => name !== '.stowage')
    .map(async (entry) => {
      const path = join(top, entry.name);
      const { mode, uid, gid } = await lstat(path);
      const line = `${path} ${mode} ${uid}:${gid}`;
      if (entry.isDirectory()) return [line, ...(await treeOf(path))];
      const content = entry.isSymbolicLink() ? await readlink(path) : await readFile(path);
      return [`${line} ${createHash('sha256').update(content).digest('hex')}`];
    });
  return (await Promise.all(lines)).flat().sort();
}

/** Runs work, after which the export is what it was before. The trash may go on. */
async function unchanged<T>(work: () => Promise<T>): Promise<T> {
  const before = await treeOf(root);
  const result = await work();
  expect(await treeOf(root)).toEqual(before);
  return result;
}

/** The client knows names for a while; what is changed on the server by others it sees only then. */
const forgetNames = () => writeFile('/proc/sys/vm/drop_caches', '2');

async function makeVictim(name: string): Promise<string> {
  const path = join(root, name);
  await mkdir(join(path, 'data'), { recursive: true });
  await writeFile(join(path, 'data', 'file'), `${name} must stay`);
  return path;
}

describe('a link on the way of a subDir', () => {
  it('is not followed when a volume is made', async () => {
    const victim = await makeVictim('victim');
    await symlink('victim', join(root, 'inward'));
    await symlink('/etc', join(root, 'outward'));
    for (const subDir of ['inward/data', 'inward/new', 'outward/new', 'inward/new/deeper']) {
      const found = await unchanged(() => failure(created(`link-${subDir}`, { subDir })));
      expect(found).toMatch(
        new RegExp(`^precondition: ${subDir.split('/').slice(0, -1).join('/')} on the share is reached by a link`),
      );
    }
    expect(await unchanged(() => failure(created('link-itself', { subDir: 'inward' })))).toMatch(
      /^already-exists: .*inward/,
    );
    expect(await readdir(victim)).toEqual(['data']);
  });

  it('is not followed when it came later, and the volume is deleted', async () => {
    await makeVictim('other');
    const id = await created('moved', { subDir: 'team/data' });
    await rename(join(root, 'team'), join(root, 'team-moved'));
    await symlink('other', join(root, 'team'));
    await forgetNames();
    const found = await unchanged(() => failure(driver.service.deleteVolume({ volumeId: id }, signal())));
    expect(found).toMatch(/^precondition: team on the share is reached by a link/);
    // Once it is gone, the trash finds the volume where it was.
    await rm(join(root, 'team'));
    await rename(join(root, 'team-moved'), join(root, 'team'));
    await forgetNames();
    await deleted(id);
    expect(await readdir(join(root, 'team'))).toEqual([]);
    expect(await readFile(join(root, 'other', 'data', 'file'), 'utf8')).toBe('other must stay');
  });

  it('is not followed where it took the place of the volume itself', async () => {
    await makeVictim('third');
    const id = await created('swapped', { subDir: 'swapped' });
    await rm(join(root, 'swapped'), { recursive: true });
    await symlink('third', join(root, 'swapped'));
    await forgetNames();
    await unchanged(() => deleted(id));
    expect(await readFile(join(root, 'third', 'data', 'file'), 'utf8')).toBe('third must stay');
  });
});

describe('two volumes on one constant subDir', () => {
  it('are made only where both are retained, and the data stays when they go', async () => {
    const first = await created('common-1', { subDir: 'common', onDelete: 'retain' });
    await writeFile(join(root, 'common', 'file'), 'of both');
    for (const onDelete of ['delete', 'archive'] as const) {
      const found = await unchanged(() => failure(created(`common-${onDelete}`, { subDir: 'common', onDelete })));
      expect(found).toMatch(/^already-exists: subDir common: volume stw1v-\S+ lies in common/);
    }
    const second = await created('common-2', { subDir: 'common', onDelete: 'retain' });
    const change = { volumeId: second, mutableParameters: { onDelete: 'delete' } } as const;
    expect(await failure(driver.service.modifyVolume(change, signal()))).toMatch(/^invalid.*subDir common/);
    await unchanged(() => deleted(first));
    await unchanged(() => deleted(second));
    expect(await readFile(join(root, 'common', 'file'), 'utf8')).toBe('of both');
  });

  it('are two where the first is deleted with its data before the second is made', async () => {
    const first = await created('turn-1', { subDir: 'turn' });
    await writeFile(join(root, 'turn', 'file'), 'first');
    expect(await unchanged(() => failure(created('turn-2', { subDir: 'turn' })))).toMatch(/^already-exists/);
    await deleted(first);
    const second = await created('turn-2', { subDir: 'turn' });
    await writeFile(join(root, 'turn', 'file'), 'second');
    await unchanged(() => deleted(first)); // again, as orchestrators do
    await deleted(second);
    expect(await readdir(root)).not.toContain('turn');
  });
});

describe('names that meet in the archive', () => {
  it('are all kept, also one that was there before', async () => {
    await mkdir(join(root, 'archived-db'));
    await writeFile(join(root, 'archived-db', 'file'), 'foreign');
    for (const name of ['one', 'two']) {
      const id = await created(`db-${name}`, { subDir: 'db', onDelete: 'archive' });
      await writeFile(join(root, 'db', 'file'), name);
      await deleted(id);
      await unchanged(() => deleted(id));
    }
    const names = (await readdir(root)).filter((name) => name.startsWith('archived-db'));
    const texts = await Promise.all(names.map((name) => readFile(join(root, name, 'file'), 'utf8')));
    expect(texts.sort()).toEqual(['foreign', 'one', 'two']);
  });
});

describe('an export', () => {
  it('that is read-only refuses a volume in words', async () => {
    const found = await unchanged(() => failure(created('ro', { share: `${SHARE}/read-only` })));
    expect(found).toMatch(
      /^unavailable: share 127\.0\.0\.1:\/bad-input\/read-only cannot be used: its server exports it read-only/,
    );
  });

  it('that squashes root, and lets nobody write, refuses a volume in words', async () => {
    const found = await unchanged(() => failure(created('squashed', { share: `${SHARE}/squashed` })));
    expect(found).toMatch(/^unavailable: share 127\.0\.0\.1:\/bad-input\/squashed cannot be used: .*no_root_squash/);
  });

  it('that squashes root, and lets everybody write, takes volumes, but none of another owner', async () => {
    const wanted = { share: `${SHARE}/squashed-open` };
    const id = await created('open', wanted);
    const found = await unchanged(() => failure(created('owned', { ...wanted, uid: 1234 })));
    expect(found).toMatch(/^precondition: .*no_root_squash/);
    expect((await stat(join(root, 'squashed-open', 'open'))).mode & 0o777).toBe(0o777);
    await deleted(id);
    expect(await readdir(join(root, 'squashed-open'))).toEqual(['.stowage']);
  });

  it('that is full refuses a volume in words, and lets those be deleted that fill it', async () => {
    const id = await created('filling', { share: `${SHARE}/full` });
    await writeFile(join(root, 'full', 'filling', 'file'), Buffer.alloc(MIB)).catch(() => undefined);
    const found = await unchanged(() => failure(created('late', { share: `${SHARE}/full` })));
    expect(found).toMatch(/^exhausted: share 127\.0\.0\.1:\/bad-input\/full cannot be used: it has no space left/);
    await deleted(id);
    expect(await readdir(join(root, 'full'))).toEqual(['.stowage']);
    await deleted(await created('late', { share: `${SHARE}/full` }));
  });
});
