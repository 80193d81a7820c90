import { execFile } from 'node:child_process';
import {
  chmod,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { errnoOf } from '../../src/errors.ts';
import type { Capability } from '../../src/volumes/requests.ts';
import { block, codeOf, MIB, mount, mountPointsBeneath, refusal, signal } from '../support/driver.ts';
import { makeStaticDriver, type Pv, type StaticDriver } from './static-setup.ts';

const run = promisify(execFile);

let driver: StaticDriver;
let count = 0;

beforeAll(async () => {
  driver = await makeStaticDriver();
});
afterAll(() => driver?.at.cleanup());
afterEach(async () => {
  expect(await mountPointsBeneath(join(driver.at.folder, 'staging'))).toEqual([]);
  expect(await mountPointsBeneath(join(driver.at.folder, 'targets'))).toEqual([]);
  expect(await records()).toEqual([]);
});

function pv(path: string, type?: string, attributes?: Record<string, string>): Pv {
  count += 1;
  return {
    id: `team/../disk-${count}##`,
    path: join(driver.allowed, path),
    ...(type === undefined ? {} : { type }),
    ...(attributes === undefined ? {} : { attributes }),
  };
}

async function records(): Promise<string[]> {
  return readdir(join(driver.at.config.stateDir, 'static')).catch(() => []);
}

async function errorOfWrite(path: string): Promise<string | undefined> {
  return writeFile(path, 'x').then(() => undefined, errnoOf);
}

/** Stages and publishes it, and undoes both. */
async function published(volume: Pv, use: (path: string) => Promise<void>, readOnly = false): Promise<void> {
  const target = `look-${count}`;
  await driver.stage(volume);
  try {
    await use(await driver.publish(volume, target, { readOnly }));
  } finally {
    await driver.unpublish(volume, target);
    await driver.unstage(volume);
  }
}

async function withLoop(sizeBytes: number, use: (device: string) => Promise<void>): Promise<void> {
  const file = join(driver.at.folder, 'outside', 'disk.img');
  await writeFile(file, '');
  await truncate(file, sizeBytes);
  const device = (await run('losetup', ['--find', '--show', file])).stdout.trim();
  try {
    await use(device);
  } finally {
    await run('losetup', ['-d', device]);
    await rm(file);
  }
}

describe('a folder of the host', () => {
  it('is the volume, whoever owns what is in it, and stays as it is', async () => {
    await mkdir(join(driver.allowed, 'data/sub'), { recursive: true });
    await writeFile(join(driver.allowed, 'data/sub/file'), 'theirs');
    await run('chown', ['-R', '1234:5678', join(driver.allowed, 'data/sub')]);
    await chmod(join(driver.allowed, 'data/sub'), 0o700);
    await published(pv('data', 'Directory'), async (path) => {
      expect(await readFile(join(path, 'sub/file'), 'utf8')).toBe('theirs');
      await writeFile(join(path, 'new'), 'ours');
    });
    expect(await readFile(join(driver.allowed, 'data/new'), 'utf8')).toBe('ours');
    expect(await stat(join(driver.allowed, 'data/sub'))).toMatchObject({ uid: 1234, gid: 5678 });
    expect((await stat(join(driver.allowed, 'data/sub'))).mode & 0o7777).toBe(0o700);
  });

  it('is read-only from the first moment where asked', async () => {
    await mkdir(join(driver.allowed, 'read'));
    await published(
      pv('read', 'Directory'),
      async (path) => expect(await errorOfWrite(join(path, 'x'))).toBe('EROFS'),
      true,
    );
    const volume = pv('read', 'Directory');
    const capability = mount('SINGLE_NODE_READER_ONLY');
    await driver.stage(volume, capability);
    const path = await driver.publish(volume, 'reader', { capability });
    expect(await errorOfWrite(join(path, 'x'))).toBe('EROFS');
    expect(await errorOfWrite(join(driver.allowed, 'read/x'))).toBeUndefined();
    await driver.unpublish(volume, 'reader');
    await driver.unstage(volume);
  });

  it('is published to several pods, and to one where the mode allows one', async () => {
    await mkdir(join(driver.allowed, 'shared'));
    const volume = pv('shared');
    await driver.stage(volume);
    const [first, second] = [
      await driver.publish(volume, 'one'),
      await driver.publish(volume, 'two', { readOnly: true }),
    ];
    await writeFile(join(first, 'file'), 'text');
    expect(await readFile(join(second, 'file'), 'utf8')).toBe('text');
    expect(await errorOfWrite(join(second, 'file'))).toBe('EROFS');
    const once = { capability: mount('SINGLE_NODE_WRITER') };
    expect(await codeOf(driver.publish(volume, 'three', once))).toBe('precondition');
    expect(await codeOf(driver.unstage(volume))).toBe('precondition');
    await driver.unpublish(volume, 'one');
    await driver.unpublish(volume, 'two');
    await driver.publish(volume, 'three', once);
    expect(await codeOf(driver.publish(volume, 'three', once))).toBe('ok');
    expect(await codeOf(driver.publish(volume, 'three', { ...once, readOnly: true }))).toBe('already-exists');
    await driver.unpublish(volume, 'three');
    await driver.unstage(volume);
  });

  it('answers each call the same again, also after a restart', async () => {
    await mkdir(join(driver.allowed, 'again'));
    const volume = pv('again', 'Directory');
    for (const round of ['first', 'second', 'after a restart']) {
      if (round === 'after a restart') await driver.restart();
      expect([round, await codeOf(driver.stage(volume))]).toEqual([round, 'ok']);
      expect([round, await codeOf(driver.publish(volume, 'again'))]).toEqual([round, 'ok']);
    }
    expect(await mountPointsBeneath(driver.at.folder)).toHaveLength(2);
    for (let round = 0; round < 2; round++) await driver.unpublish(volume, 'again');
    await driver.restart();
    for (let round = 0; round < 2; round++) await driver.unstage(volume);
    expect(await driver.at.service.deleteVolume({ volumeId: volume.id }, signal())).toBeUndefined();
    expect(await readdir(driver.allowed)).toContain('again');
    expect(await readdir(join(driver.at.folder, 'targets'))).toEqual([]);
  });

  it('shows the disk that is mounted at its path, alone', async () => {
    await mkdir(join(driver.allowed, 'disks/a'), { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'stowage-test', join(driver.allowed, 'disks/a')]);
    try {
      await writeFile(join(driver.allowed, 'disks/a/file'), 'on the disk');
      await published(pv('disks/a', 'Directory'), async (path) => {
        expect(await readFile(join(path, 'file'), 'utf8')).toBe('on the disk');
      });
      await published(pv('disks', 'Directory'), async (path) => expect(await readdir(join(path, 'a'))).toEqual([]));
    } finally {
      await run('umount', [join(driver.allowed, 'disks/a')]);
    }
  });

  it('keeps its per-mount flags', async () => {
    await mkdir(join(driver.allowed, 'flags'));
    await writeFile(join(driver.allowed, 'flags/run'), '#!/bin/sh\n', { mode: 0o755 });
    const volume = pv('flags');
    const capability = mount('SINGLE_NODE_MULTI_WRITER', undefined, ['noexec']);
    await driver.stage(volume, capability);
    const path = await driver.publish(volume, 'flags', { capability });
    await expect(run(join(path, 'run'))).rejects.toMatchObject({ code: 'EACCES' });
    await driver.unpublish(volume, 'flags');
    await driver.unstage(volume);
  });
});

describe('the types', () => {
  it('DirectoryOrCreate and FileOrCreate make what is missing, and only then', async () => {
    await published(pv('made/deep', 'DirectoryOrCreate'), async (path) => writeFile(join(path, 'x'), 'kept'));
    expect((await stat(join(driver.allowed, 'made/deep'))).mode & 0o7777).toBe(0o755);
    await published(pv('made/deep', 'DirectoryOrCreate'), async (path) => {
      expect(await readFile(join(path, 'x'), 'utf8')).toBe('kept');
    });
    await published(pv('made/file', 'FileOrCreate'), async (path) => writeFile(path, 'text'));
    expect((await stat(join(driver.allowed, 'made/file'))).mode & 0o7777).toBe(0o644);
    expect(await readFile(join(driver.allowed, 'made/file'), 'utf8')).toBe('text');
    const refused = await refusal(driver.stage(pv('nowhere/file', 'FileOrCreate')));
    expect(refused).toMatchObject({ code: 'not-found', message: expect.stringContaining('nowhere/file') });
    expect(await readdir(driver.allowed)).not.toContain('nowhere');
  });

  it('File, Socket, CharDevice, BlockDevice and no type bind what lies there', async () => {
    await writeFile(join(driver.allowed, 'a-file'), 'text');
    await run('mknod', [join(driver.allowed, 'zero'), 'c', '1', '5']);
    const server = createServer((connection) => connection.end('answer'));
    await new Promise<void>((resolve) => server.listen(join(driver.allowed, 'a-socket'), resolve));
    try {
      for (const type of ['File', undefined]) {
        await published(pv('a-file', type), async (path) => expect(await readFile(path, 'utf8')).toBe('text'));
      }
      await published(pv('a-file', 'File'), async (path) => expect(await errorOfWrite(path)).toBe('EROFS'), true);
      await published(pv('zero', 'CharDevice'), async (path) => {
        const handle = await open(path, 'r');
        expect((await handle.read(Buffer.alloc(4, 1), 0, 4)).buffer).toEqual(Buffer.alloc(4));
        await handle.close();
      });
      await published(pv('a-socket', 'Socket'), async (path) => {
        const connection = createConnection(path);
        const chunks: string[] = [];
        for await (const chunk of connection) chunks.push(String(chunk));
        expect(chunks.join('')).toBe('answer');
      });
    } finally {
      server.close();
    }
  });

  it.each([
    ['a-file', 'Directory'],
    ['a-file', 'DirectoryOrCreate'],
    ['a-folder', 'File'],
    ['a-folder', 'FileOrCreate'],
    ['a-folder', 'Socket'],
    ['a-file', 'BlockDevice'],
    ['a-file', 'CharDevice'],
  ])('%s is not taken for a %s', async (path, type) => {
    await writeFile(join(driver.allowed, 'a-file'), 'text');
    await mkdir(join(driver.allowed, 'a-folder'), { recursive: true });
    expect(await codeOf(driver.stage(pv(path, type)))).toBe('precondition');
  });

  it.each(['', 'Directory', 'File', 'Socket', 'CharDevice', 'BlockDevice'])('%j must be there', async (type) => {
    expect(await codeOf(driver.stage(pv('missing', type)))).toBe('not-found');
    expect(await readdir(driver.allowed)).not.toContain('missing');
  });
});

describe('a block device', () => {
  it('is a raw block volume, and its bytes are the disk', async () => {
    await withLoop(8 * MIB, async (device) => {
      const { rdev } = await stat(device);
      await run('mknod', [join(driver.allowed, 'disk'), 'b', String(rdev >> 8), String(rdev & 0xff)]);
      const volume = pv('disk', 'BlockDevice');
      try {
        await driver.stage(volume, block());
        const path = await driver.publish(volume, 'raw', { capability: block() });
        expect((await stat(path)).rdev).toBe(rdev);
        const handle = await open(path, 'r+');
        await handle.write('bytes', 0);
        await handle.sync();
        await handle.close();
        const { usage, condition } = await driver.at.service.stats(
          { volumeId: volume.id, volumePath: path, stagingPath: undefined },
          signal(),
        );
        expect(usage?.bytes.total).toBe(8 * MIB);
        expect(condition.abnormal).toBe(false);
        const readOnly = await refusal(driver.publish(volume, 'ro', { capability: block(), readOnly: true }));
        expect(readOnly).toMatchObject({ code: 'precondition', message: expect.stringContaining('blockdev --setro') });
        await run('blockdev', ['--setro', device]);
        await driver.publish(volume, 'ro', { capability: block(), readOnly: true });
        await run('blockdev', ['--setrw', device]);
      } finally {
        await driver.unpublish(volume, 'ro');
        await driver.unpublish(volume, 'raw');
        await driver.unstage(volume);
        await rm(join(driver.allowed, 'disk'));
      }
      expect((await run('head', ['-c', '5', device])).stdout).toBe('bytes');
    });
  });

  it('is allowed by its stable name, which is a link', async () => {
    await withLoop(8 * MIB, async (device) => {
      const path = join(driver.at.folder, 'by-id');
      await symlink(device, path);
      await driver.restart([path]);
      try {
        const volume = { ...pv('x', 'BlockDevice'), path };
        await driver.stage(volume, block());
        const raw = await driver.publish(volume, 'by-id', { capability: block() });
        expect((await stat(raw)).rdev).toBe((await stat(device)).rdev);
        await driver.unpublish(volume, 'by-id');
        await driver.unstage(volume);
      } finally {
        await driver.restart();
      }
    });
  });

  it('is no raw block volume while the host has it mounted', async () => {
    await withLoop(8 * MIB, async (device) => {
      await run('mkfs.ext4', ['-q', device]);
      const { rdev } = await stat(device);
      await run('mknod', [join(driver.allowed, 'used'), 'b', String(rdev >> 8), String(rdev & 0xff)]);
      const mountPoint = join(driver.at.folder, 'mounted');
      await mkdir(mountPoint);
      await run('mount', [device, mountPoint]);
      try {
        expect(await refusal(driver.stage(pv('used', 'BlockDevice'), block()))).toMatchObject({
          code: 'precondition',
          message: expect.stringContaining(mountPoint),
        });
      } finally {
        await run('umount', [mountPoint]);
      }
    });
  });

  it('of a volume of ours is refused', async () => {
    const { id } = await driver.at.create('own');
    const file = join(
      driver.at.poolPath(),
      'volumes',
      (await readdir(join(driver.at.poolPath(), 'volumes')))[0] ?? '',
      'img',
    );
    await writeFile(file, '');
    await truncate(file, MIB);
    const device = (await run('losetup', ['--find', '--show', file])).stdout.trim();
    try {
      const { rdev } = await stat(device);
      await run('mknod', [join(driver.allowed, 'own'), 'b', String(rdev >> 8), String(rdev & 0xff)]);
      expect(await refusal(driver.stage(pv('own', 'BlockDevice'), block()))).toMatchObject({
        code: 'precondition',
        message: expect.stringContaining('pool p'),
      });
    } finally {
      await run('losetup', ['-d', device]);
      await driver.at.service.deleteVolume({ volumeId: id }, signal());
    }
  });
});

describe('a request is refused', () => {
  it.each<[string, Record<string, string>, string]>([
    ['another attribute', { pool: 'p' }, '"pool" is unknown'],
    ['a slip of the hand', { typ: 'File' }, 'did you mean type?'],
    ['a type that is none', { type: 'Folder' }, 'is none of'],
    ['another path', { path: '/etc' }, 'beneath none of'],
    ['a neighbour of the folder', { path: 'ALLOWED-not' }, 'beneath none of'],
    ['dots', { path: 'ALLOWED/../outside' }, 'must be absolute'],
    ['a slash at the end', { path: 'ALLOWED/x/' }, 'must be absolute'],
    ['a relative path', { path: 'x' }, 'must be absolute'],
    ['no path', { path: '' }, 'must be absolute'],
  ])('with %s', async (_title, change, message) => {
    const attributes = Object.fromEntries(
      Object.entries(change).map(([key, value]) => [key, value.replace('ALLOWED', driver.allowed)]),
    );
    const refused = await refusal(driver.stage(pv('any', 'Directory', attributes)));
    expect(refused).toMatchObject({ code: 'invalid', message: expect.stringContaining(message) });
  });

  it('without a path at all', async () => {
    const request = { volumeId: 'x', stagingPath: join(driver.at.folder, 'staging/x'), capability: mount() };
    expect(await codeOf(driver.at.service.stage({ ...request, volumeContext: { type: '' } }, signal()))).toBe(
      'invalid',
    );
  });

  it('for what a host path cannot be', async () => {
    await mkdir(join(driver.allowed, 'use'));
    const stage = (capability: Capability, type = 'Directory') => codeOf(driver.stage(pv('use', type), capability));
    expect(await stage(block())).toBe('invalid');
    expect(await stage(mount('MULTI_NODE_MULTI_WRITER'))).toBe('invalid');
    expect(await stage(mount('MULTI_NODE_READER_ONLY'))).toBe('invalid');
    expect(await stage(mount('SINGLE_NODE_WRITER', undefined, ['usrquota']))).toBe('invalid');
    expect(await stage(mount('SINGLE_NODE_WRITER', 'nonesuch'))).toBe('precondition');
    expect(await codeOf(driver.stage({ ...pv('use'), id: `csi-${'0'.repeat(64)}` }))).toBe('invalid');
    expect(await codeOf(driver.stage({ ...pv('use'), id: 'stw1v-x' }))).toBe('invalid');
  });

  it('tolerates what Kubernetes adds', async () => {
    await mkdir(join(driver.allowed, 'kube'));
    const added = {
      'csi.storage.k8s.io/pod.name': 'pod',
      'csi.storage.k8s.io/ephemeral': 'false',
      'storage.kubernetes.io/csiProvisionerIdentity': 'x',
    };
    await published(pv('kube', 'Directory', added), async (path) => expect(await readdir(path)).toEqual([]));
  });

  it('before it is staged, and as another volume than was staged', async () => {
    await mkdir(join(driver.allowed, 'one'));
    await mkdir(join(driver.allowed, 'two'));
    const volume = pv('one');
    const { id } = volume;
    expect(await codeOf(driver.publish(volume, 'early'))).toBe('precondition');
    await driver.stage(volume);
    expect(
      await codeOf(
        driver.at.service.publish(
          {
            volumeId: id,
            stagingPath: undefined,
            targetPath: driver.at.target('x'),
            capability: mount(),
            readOnly: false,
            volumeContext: driver.contextOf(volume),
          },
          signal(),
        ),
      ),
    ).toBe('precondition');
    expect(await codeOf(driver.stage({ ...pv('two'), id }))).toBe('already-exists');
    expect(await codeOf(driver.publish({ ...pv('two'), id }, 'other'))).toBe('precondition');
    expect(await codeOf(driver.publish({ ...volume, type: 'Directory' }, 'other'))).toBe('precondition');
    await driver.unstage(volume);
  });

  it('where something else is mounted', async () => {
    await mkdir(join(driver.allowed, 'place'));
    const volume = pv('place');
    await mkdir(driver.staging(volume), { recursive: true });
    await run('mount', ['-t', 'tmpfs', 'stowage-test', driver.staging(volume)]);
    try {
      expect(await codeOf(driver.stage(volume))).toBe('already-exists');
      expect(await codeOf(driver.unstage(volume))).toBe('ok');
      expect(await mountPointsBeneath(join(driver.at.folder, 'staging'))).toHaveLength(1); // not ours
    } finally {
      await run('umount', [driver.staging(volume)]);
    }
  });
});

describe('links and the pools', () => {
  it('refuses a link beneath the allowed folder, and names it', async () => {
    await symlink(join(driver.at.folder, 'outside'), join(driver.allowed, 'link'));
    await mkdir(join(driver.allowed, 'real'));
    await symlink('real', join(driver.allowed, 'inner'));
    for (const path of ['link', 'link/x', 'inner']) {
      for (const type of ['Directory', 'DirectoryOrCreate', 'FileOrCreate', '']) {
        const refused = await refusal(driver.stage(pv(path, type)));
        expect(refused.code).toBe('precondition');
        expect(refused.message).toContain(`${join(driver.allowed, path.split('/')[0] ?? '')} is a symbolic link`);
      }
    }
    expect(await readdir(join(driver.at.folder, 'outside'))).toEqual([]);
  });

  it('follows links to the allowed folder itself, as they are at that moment', async () => {
    const link = join(driver.at.folder, 'entry');
    await mkdir(join(driver.allowed, 'moved/in'), { recursive: true });
    await symlink(join(driver.allowed, 'moved'), link);
    await driver.restart([link]);
    try {
      await published({ ...pv('x'), path: join(link, 'in') }, async (path) => expect(await readdir(path)).toEqual([]));
      await published({ ...pv('x'), path: link }, async (path) => expect(await readdir(path)).toEqual(['in']));
    } finally {
      await driver.restart();
    }
  });

  it('stays out of pools and of the state folder, whatever leads there', async () => {
    const link = join(driver.at.folder, 'to-pool');
    const state = join(driver.at.folder, 'to-state');
    const above = join(driver.at.folder, 'above');
    await symlink(driver.at.poolPath(), link);
    await symlink(driver.at.config.stateDir, state);
    await symlink(driver.at.folder, above);
    await mkdir(join(driver.allowed, 'bound'));
    await run('mount', ['--bind', join(driver.at.poolPath(), 'volumes'), join(driver.allowed, 'bound')]);
    await driver.restart([driver.allowed, link, state, above]);
    try {
      for (const path of [link, join(link, 'volumes'), state, join(state, 'pools'), above]) {
        expect([path, await codeOf(driver.stage({ ...pv('x'), path }))]).toEqual([path, 'precondition']);
      }
      expect(await codeOf(driver.stage(pv('bound', 'Directory')))).toBe('precondition');
      const made = pv('bound/new/deep', 'DirectoryOrCreate');
      expect(await codeOf(driver.stage(made))).toBe('precondition');
      expect(await readdir(join(driver.at.poolPath(), 'volumes'))).toEqual([]);
    } finally {
      await run('umount', [join(driver.allowed, 'bound')]);
      await driver.restart();
    }
  });

  it('refuses all where the config allows none', async () => {
    await driver.restart([]);
    try {
      const refused = await refusal(driver.stage(pv('x')));
      expect(refused).toMatchObject({ code: 'precondition', message: expect.stringContaining('hostPaths') });
    } finally {
      await driver.restart();
    }
  });
});

describe('what is said of a static volume', () => {
  const request = (volume: Pv, capability: Capability = mount()) => ({
    volumeId: volume.id,
    volumeContext: driver.contextOf(volume),
    capabilities: [capability],
    parameters: {},
    mutableParameters: {},
  });

  it('ValidateVolumeCapabilities confirms what fits, and says what does not', async () => {
    const { service } = driver.at;
    expect(await service.validateVolume(request(pv('any', 'Directory')), signal())).toEqual({ confirmed: true });
    expect(await service.validateVolume(request(pv('any', 'BlockDevice'), block()), signal())).toEqual({
      confirmed: true,
    });
    for (const refused of [
      request({ ...pv('any'), path: '/etc' }),
      request(pv('any', 'Directory'), block()),
      request(pv('any'), mount('MULTI_NODE_MULTI_WRITER')),
      { ...request(pv('any')), parameters: { pool: 'p' } },
    ]) {
      expect(await service.validateVolume(refused, signal())).toMatchObject({
        confirmed: false,
        reason: expect.any(String),
      });
    }
    expect(await codeOf(service.validateVolume({ ...request(pv('any')), volumeContext: {} }, signal()))).toBe(
      'not-found',
    );
  });

  it('ControllerPublishVolume accepts this node alone', async () => {
    const { service } = driver.at;
    const volume = pv('any', 'Directory');
    const attach = (nodeId: string, volumeContext = driver.contextOf(volume)) =>
      codeOf(
        service.attach({ volumeId: volume.id, nodeId, capability: mount(), readOnly: false, volumeContext }, signal()),
      );
    expect(await attach('node-1')).toBe('ok');
    expect(await attach('node-2')).toBe('not-found');
    expect(await attach('node-1', { path: '/etc' })).toBe('invalid');
    expect(await codeOf(service.detach({ volumeId: volume.id, nodeId: 'node-1' }, signal()))).toBe('ok');
  });

  it('NodeGetVolumeStats gives its file system, and what became of the path', async () => {
    const path = join(driver.allowed, 'stats');
    await mkdir(path);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'stowage-test', path]);
    const volume = pv('stats', 'Directory');
    try {
      await mkdir(join(path, 'in'));
      const inner = { ...volume, path: join(path, 'in') };
      await driver.stage(inner);
      const target = await driver.publish(inner, 'stats');
      const statsAt = (volumePath: string) =>
        driver.at.service.stats({ volumeId: volume.id, volumePath, stagingPath: undefined }, signal());
      for (const at of [target, driver.staging(inner)]) {
        const { usage, condition } = await statsAt(at);
        expect(usage?.bytes.total).toBe(4 * MIB);
        expect((usage?.bytes.used ?? 0) + (usage?.bytes.available ?? 0)).toBe(4 * MIB);
        expect(usage?.inodes?.total).toBeGreaterThan(0);
        expect(condition.abnormal).toBe(false);
      }
      expect(await codeOf(statsAt('/etc'))).toBe('not-found');
      const expand = { volumeId: volume.id, volumePath: target, stagingPath: undefined, capability: undefined };
      const size = { requiredBytes: 1, limitBytes: undefined };
      expect(await codeOf(driver.at.service.expandOnNode({ ...expand, size }, signal()))).toBe('invalid');
      await rename(join(path, 'in'), join(path, 'away'));
      expect((await statsAt(target)).condition).toMatchObject({
        abnormal: true,
        message: expect.stringContaining('in'),
      });
      await mkdir(join(path, 'in'));
      expect((await statsAt(target)).condition.message).toContain('replaced');
      expect(await codeOf(driver.publish(inner, 'stats'))).toBe('ok');
      await driver.unpublish(inner, 'stats');
      await driver.unstage(inner);
    } finally {
      await run('umount', ['-l', path]);
    }
  });
});
