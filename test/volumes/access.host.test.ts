import { execFile } from 'node:child_process';
import { mkdir, open, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { errnoOf } from '../../src/errors.ts';
import { fill, fingerprint } from '../support/content.ts';
import {
  block,
  codeOf,
  loopsBeneath,
  MIB,
  makeDriver,
  mount,
  mountPointsBeneath,
  signal,
  type TestDriver,
} from '../support/driver.ts';

const run = promisify(execFile);

/** The error number with which opening for writing, or the write, fails; undefined where it does not. */
async function writeError(path: string): Promise<string | undefined> {
  try {
    const handle = await open(path, 'r+');
    try {
      await handle.write('x', 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return undefined;
  } catch (error) {
    return errnoOf(error);
  }
}

describe.each([
  { title: 'image', config: { backend: 'image' } as const },
  { title: 'directory', config: { backend: 'directory', quota: 'advisory' } as const },
])('access to a mounted volume: $title', ({ config }) => {
  let at: TestDriver;
  let id: string;

  beforeAll(async () => {
    at = await makeDriver({ pools: [{ name: 'p', kind: 'xfs', config }] });
    id = (await at.create('data')).id;
    await at.stage(id);
  }, 30_000);
  afterAll(() => at?.cleanup());

  it('is refused before it is staged', async () => {
    const other = await at.create('unstaged');
    expect(await codeOf(at.publish(other.id, 'too-early'))).toBe('precondition');
    expect(await mountPointsBeneath(at.target(''))).toEqual([]);
  });

  it('is read-only at one target while it is writable at another', async () => {
    const view = await at.publish(id, 'writable');
    await fill(view);
    const readOnly = await at.publish(id, 'read-only', { readOnly: true });
    expect(await writeError(join(readOnly.path, 'data'))).toBe('EROFS');
    expect(await codeOf(at.publish(id, 'read-only', { readOnly: true }))).toBe('ok');
    expect(await fingerprint(readOnly)).toBe(await fingerprint(view));
    expect(await writeError(join(view.path, 'data'))).toBeUndefined();
  });

  it('is refused where it is published already, with another read-only', async () => {
    expect(await codeOf(at.publish(id, 'writable', { readOnly: true }))).toBe('already-exists');
    expect(await codeOf(at.publish(id, 'read-only'))).toBe('already-exists');
    const readOnly = { capability: mount('SINGLE_NODE_READER_ONLY') };
    expect(await codeOf(at.publish(id, 'writable', readOnly))).toBe('already-exists');
  });

  it.each(['SINGLE_NODE_SINGLE_WRITER', 'SINGLE_NODE_WRITER', 'SINGLE_NODE_READER_ONLY'] as const)(
    'is refused at a second target with %s, and possible again when the first is gone',
    async (mode) => {
      const options = { capability: mount(mode) };
      for (const name of ['writable', 'read-only']) await at.unpublish(id, name);
      expect(await codeOf(at.publish(id, 'one', options))).toBe('ok');
      expect(await codeOf(at.publish(id, 'one', options))).toBe('ok');
      expect(await codeOf(at.publish(id, 'two', options))).toBe('precondition');
      expect(await mountPointsBeneath(at.target(''))).toEqual([at.target('one')]);
      await at.unpublish(id, 'one');
      expect(await codeOf(at.publish(id, 'two', options))).toBe('ok');
      await at.unpublish(id, 'two');
    },
  );

  it('takes per-mount flags, for this target only', async () => {
    await at.publish(id, 'plain');
    await at.publish(id, 'strict', { capability: mount('SINGLE_NODE_MULTI_WRITER', undefined, ['noexec', 'nosuid']) });
    const options = async (name: string) =>
      (await run('findmnt', ['-no', 'VFS-OPTIONS', at.target(name)])).stdout.split(/[,\s]/);
    expect(await options('strict')).toEqual(expect.arrayContaining(['noexec', 'nosuid', 'rw']));
    expect(await options('plain')).not.toContain('noexec');
    for (const name of ['plain', 'strict']) await at.unpublish(id, name);
  });

  it('is refused for another kind of access, node or mode', async () => {
    expect(await codeOf(at.stage(id, block()))).toMatch(/precondition|invalid/);
    expect(await codeOf(at.publish(id, 'x', { capability: block() }))).toMatch(/precondition|invalid/);
    expect(await codeOf(at.stage(id, mount('MULTI_NODE_MULTI_WRITER')))).toBe('invalid');
    const attachment = { volumeId: id, capability: mount(), readOnly: false, volumeContext: {} };
    expect(await codeOf(at.service.attach({ ...attachment, nodeId: 'node-2' }, signal()))).toBe('not-found');
  });

  it('is attached read-only or writable, not both', async () => {
    const request = { volumeId: id, nodeId: 'node-1', capability: mount(), volumeContext: {} };
    await at.service.attach({ ...request, readOnly: false }, signal());
    expect(await codeOf(at.service.attach({ ...request, readOnly: true }, signal()))).toBe('already-exists');
    await at.service.detach({ volumeId: id, nodeId: undefined }, signal());
    expect(await codeOf(at.service.attach({ ...request, readOnly: true }, signal()))).toBe('ok');
    await at.service.detach({ volumeId: id, nodeId: 'node-1' }, signal());
  });

  it('leaves alone what else is mounted at the staging path', async () => {
    const other = await at.create('elsewhere');
    await mkdir(at.stagingPath(other.id));
    await run('mount', ['-t', 'tmpfs', 'something-else', at.stagingPath(other.id)]);
    try {
      expect(await codeOf(at.stage(other.id))).toBe('already-exists');
      expect(await codeOf(at.publish(other.id, 'x'))).toBe('precondition');
      expect(await loopsBeneath(at.poolPath())).toHaveLength(config.backend === 'image' ? 1 : 0);
      expect((await run('findmnt', ['-no', 'SOURCE', at.stagingPath(other.id)])).stdout.trim()).toBe('something-else');
    } finally {
      await run('umount', [at.stagingPath(other.id)]);
    }
  });

  it('does not unstage another volume', async () => {
    const other = await at.create('victim');
    await at.stage(other.id);
    const wrong = { volumeId: id, stagingPath: at.stagingPath(other.id) };
    await codeOf(at.service.unstage(wrong, signal()));
    expect(await codeOf(at.publish(other.id, 'victim'))).toBe('ok');
    await at.unpublish(other.id, 'victim');
    await at.unstage(other.id);
  });

  it('leaves alone what else is mounted at the target', async () => {
    await mkdir(at.target('taken'));
    await run('mount', ['-t', 'tmpfs', 'something-else', at.target('taken')]);
    try {
      expect(await codeOf(at.publish(id, 'taken'))).toBe('already-exists');
    } finally {
      await run('umount', [at.target('taken')]);
    }
  });

  it('removes no files of others when it is unpublished', async () => {
    await writeFile(at.target('letter'), 'of somebody else');
    await codeOf(at.unpublish(id, 'letter'));
    expect(await readFile(at.target('letter'), 'utf8')).toBe('of somebody else');
    await mkdir(at.target('full'));
    await writeFile(join(at.target('full'), 'letter'), 'of somebody else');
    await at.unpublish(id, 'full').catch(() => undefined);
    expect(await readFile(join(at.target('full'), 'letter'), 'utf8')).toBe('of somebody else');
  });

  it('reaches the folder of kubelet through a symbolic link, without stacked mounts', async () => {
    const linked = await at.create('linked');
    await mkdir(join(at.folder, 'real'));
    await symlink(join(at.folder, 'real'), join(at.folder, 'link'));
    const stagingPath = join(at.folder, 'link', 'plugins', 'deep', 'globalmount');
    const targetPath = join(at.folder, 'link', 'pods', 'deep', 'mount');
    const request = { volumeId: linked.id, stagingPath, capability: mount(), volumeContext: {} };
    for (let round = 0; round < 3; round++) {
      await at.service.stage(request, signal());
      await at.service.publish({ ...request, targetPath, readOnly: false }, signal());
    }
    expect(await mountPointsBeneath(join(at.folder, 'real'))).toHaveLength(2);
    const { usage } = await at.service.stats(
      { volumeId: linked.id, volumePath: targetPath, stagingPath: undefined },
      signal(),
    );
    expect(usage?.bytes.total).toBeLessThanOrEqual(32 * MIB);
    expect(await codeOf(at.service.deleteVolume({ volumeId: linked.id }, signal()))).toBe('precondition');
    for (let round = 0; round < 2; round++) {
      await at.service.unpublish({ volumeId: linked.id, targetPath }, signal());
      await at.service.unstage({ volumeId: linked.id, stagingPath }, signal());
    }
    expect(await mountPointsBeneath(join(at.folder, 'real'))).toEqual([]);
    expect(await codeOf(at.service.deleteVolume({ volumeId: linked.id }, signal()))).toBe('ok');
  });

  it('is not deleted, nor unstaged, while it is in use', async () => {
    const { id: used } = await at.create('used');
    const remove = () => codeOf(at.service.deleteVolume({ volumeId: used }, signal()));
    const attachment = { volumeId: used, nodeId: 'node-1', capability: mount(), readOnly: false, volumeContext: {} };
    await at.service.attach(attachment, signal());
    expect(await remove()).toBe('precondition');
    await at.stage(used);
    await at.service.detach({ volumeId: used, nodeId: 'node-1' }, signal());
    expect(await remove()).toBe('precondition');
    await at.publish(used, 'user');
    expect(await remove()).toBe('precondition');
    expect(await codeOf(at.unstage(used))).toBe('precondition');
    await at.restart();
    expect(await remove()).toBe('precondition');
    await at.unpublish(used, 'user');
    await at.unstage(used);
    expect(await remove()).toBe('ok');
  });

  it('answers stats and expansion only where the volume is', async () => {
    const elsewhere = { volumeId: id, volumePath: at.target('nowhere'), stagingPath: undefined };
    expect(await codeOf(at.service.stats(elsewhere, signal()))).toBe('not-found');
    const size = { requiredBytes: 0, limitBytes: undefined };
    const expansion = { ...elsewhere, size, capability: undefined };
    expect(await codeOf(at.service.expandOnNode(expansion, signal()))).toBe('not-found');
    expect(await codeOf(at.service.stats({ ...elsewhere, volumePath: at.stagingPath(id) }, signal()))).toBe('ok');
  });
});

describe('access to a raw block volume', () => {
  let at: TestDriver;
  let id: string;

  beforeAll(async () => {
    at = await makeDriver({
      pools: [{ name: 'p', kind: 'xfs', config: { backend: 'image' } }],
      capability: block(),
      sizeBytes: 8 * MIB,
    });
    id = (await at.create('data')).id;
    await at.stage(id);
  }, 30_000);
  afterAll(() => at?.cleanup());

  it('is a block device at each target', async () => {
    for (const name of ['one', 'two']) {
      const view = await at.publish(id, name);
      expect((await stat(view.path)).isBlockDevice()).toBe(true);
    }
    await fill({ type: 'device', path: at.target('one') });
    expect(await fingerprint({ type: 'device', path: at.target('two') })).toBe(
      await fingerprint({ type: 'device', path: at.target('one') }),
    );
  });

  it('is not read-only and writable at once', async () => {
    expect(await codeOf(at.publish(id, 'three', { readOnly: true }))).toBe('precondition');
    expect(await writeError(at.target('one'))).toBeUndefined();
    expect(await codeOf(at.publish(id, 'one', { readOnly: true }))).toBe('already-exists');
    for (const name of ['one', 'two']) await at.unpublish(id, name);
  });

  it('refuses writes where it is read-only, also from root, also after a restart', async () => {
    const before = await fingerprint(await at.publish(id, 'read-only', { readOnly: true }));
    expect(await codeOf(at.publish(id, 'read-only', { readOnly: true }))).toBe('ok');
    expect(await codeOf(at.publish(id, 'writable'))).toBe('precondition');
    await at.restart();
    expect(await codeOf(at.stage(id))).toBe('ok');
    expect(await writeError(at.target('read-only'))).toMatch(/EPERM|EROFS|EACCES/);
    expect(await fingerprint({ type: 'device', path: at.target('read-only') })).toBe(before);
    await at.unpublish(id, 'read-only');
  });

  it('is writable again at the next publish', async () => {
    expect(await writeError((await at.publish(id, 'again')).path)).toBeUndefined();
    await at.unpublish(id, 'again');
  });

  it('leaves no read-only device behind for the next volume', async () => {
    await at.publish(id, 'read-only', { readOnly: true });
    await at.unpublish(id, 'read-only');
    await at.unstage(id);
    // The next volumes get the device numbers that are free now.
    const others = await Promise.all(
      [1, 2, 3].map((n) => at.create(`tree-${n}`, { capability: mount(), sizeBytes: 32 * MIB })),
    );
    for (const other of others) {
      await at.stage(other.id, mount());
      await writeFile(join((await at.publish(other.id, other.id, { capability: mount() })).path, 'file'), 'text');
    }
    for (const other of others) {
      await at.unpublish(other.id, other.id);
      await at.unstage(other.id);
    }
    await at.stage(id);
  });

  it('is not deleted, nor unstaged, while it is published', async () => {
    await at.publish(id, 'last');
    expect(await codeOf(at.service.deleteVolume({ volumeId: id }, signal()))).toBe('precondition');
    expect(await codeOf(at.unstage(id))).toBe('precondition');
    await at.unpublish(id, 'last');
    expect(await codeOf(at.service.deleteVolume({ volumeId: id }, signal()))).toBe('precondition');
    await at.unstage(id);
    expect(await loopsBeneath(at.poolPath())).toEqual([]);
    expect(await codeOf(at.service.deleteVolume({ volumeId: id }, signal()))).toBe('ok');
  });
});
