import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createBtrfs } from '../../src/host/btrfs.ts';
import { makePool, type TestPool } from '../support/pools.ts';
import { QUOTA_MODES } from '../support/quota-modes.ts';

const run = promisify(execFile);
const btrfs = createBtrfs();
const MIB = 1024 ** 2;
const LEVEL_1 = 2 ** 48;

describe.each(QUOTA_MODES)('btrfs with %s quotas', (mode) => {
  let pool: TestPool | undefined;
  let path = '';
  const at = (name: string) => join(path, 'volumes', name);

  beforeAll(async () => {
    pool = await makePool('btrfs');
    path = pool.path;
  });
  afterAll(() => pool?.cleanup());

  it('says that quotas are off, and has no qgroups then', async () => {
    expect(await btrfs.qgroups(path)).toEqual({
      status: { mode: 'off', rescanning: false, inconsistent: false },
      byId: new Map(),
    });
    expect(await btrfs.relations(path, LEVEL_1 + 7)).toEqual([]);
    expect(await btrfs.removeQgroup(path, LEVEL_1 + 7)).toBe(true);
    await btrfs.limitQgroup(path, LEVEL_1 + 7, undefined);
    await btrfs.unassignQgroup(path, 300, LEVEL_1 + 7);
    await expect(btrfs.createQgroup(path, LEVEL_1 + 7)).rejects.toMatchObject({ code: 'ENOTCONN' });
  });

  it('turns them on once', async () => {
    if (mode === 'full') await run('btrfs', ['quota', 'enable', path]);
    await btrfs.enableQuotas(path);
    await btrfs.enableQuotas(path);
    expect((await btrfs.qgroups(path)).status.mode).toBe(mode);
  });

  it('counts a subvolume to its qgroup from the first byte, and holds it to the limit', async () => {
    const group = LEVEL_1 + 2 ** 47 + 12345;
    await btrfs.createQgroup(path, group);
    await btrfs.createQgroup(path, group);
    await btrfs.limitQgroup(path, group, 16 * MIB);
    await btrfs.createSubvolume(at('held'), [group]);
    const info = await btrfs.subvolume(at('held'));
    expect(info).toMatchObject({ readOnly: false, isCopy: false });
    expect(await btrfs.relations(path, group)).toEqual([info?.id]);
    await writeFile(join(at('held'), 'eight'), randomBytes(8 * MIB));
    await expect(writeFile(join(at('held'), 'more'), randomBytes(12 * MIB), { flush: true })).rejects.toMatchObject({
      message: expect.stringMatching(/EDQUOT|122/),
    });
    await run('sync', ['-f', path]);
    await btrfs.commit(path);
    const { byId } = await btrfs.qgroups(path, group);
    expect([...byId.keys()]).toEqual([group]);
    expect(byId.get(group)).toMatchObject({ id: group, limitBytes: 16 * MIB });
    expect(byId.get(group)?.referencedBytes).toBeGreaterThanOrEqual(8 * MIB);
    expect(byId.get(group)?.referencedBytes).toBeLessThanOrEqual(16 * MIB);
    expect((await btrfs.qgroups(path)).byId.size).toBeGreaterThanOrEqual(3);
    expect(await btrfs.removeQgroup(path, group)).toBe(false);
    await btrfs.limitQgroup(path, group, undefined);
    expect((await btrfs.qgroups(path, group)).byId.get(group)?.limitBytes).toBeUndefined();
  });

  it('finds many qgroups in one look', async () => {
    const ids = Array.from({ length: 1000 }, (_, index) => LEVEL_1 + 1_000_000 + index);
    for (const id of ids) await btrfs.createQgroup(path, id);
    const { byId } = await btrfs.qgroups(path);
    expect(ids.filter((id) => !byId.has(id))).toEqual([]);
    for (const id of ids) expect(await btrfs.removeQgroup(path, id)).toBe(true);
    expect(await btrfs.removeQgroup(path, LEVEL_1 + 1_000_000)).toBe(true);
  });

  it('lists nested subvolumes, and destroys them by id, also read-only ones', async () => {
    await btrfs.createSubvolume(at('outer'), []);
    await mkdir(join(at('outer'), 'a folder'));
    await btrfs.createSubvolume(join(at('outer'), 'a folder', 'inner ü'), []);
    const outer = await btrfs.subvolume(at('outer'));
    const inner = await btrfs.subvolume(join(at('outer'), 'a folder', 'inner ü'));
    if (outer === undefined || inner === undefined) throw new Error('a subvolume is missing');
    expect(await btrfs.nested(path, outer.id)).toMatchObject([{ id: inner.id, name: 'inner ü' }]);
    expect(await btrfs.subvolumeIdAt(join(at('outer'), 'a folder'))).toBe(outer.id);
    await run('btrfs', ['property', 'set', at('outer'), 'ro', 'true']);
    expect(await btrfs.subvolume(at('outer'))).toMatchObject({ readOnly: true });
    await expect(btrfs.destroySubvolume(path, outer.id)).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await expect(btrfs.destroySubvolume(path, inner.id)).rejects.toMatchObject({ code: 'EROFS' });
    await btrfs.makeWritable(path, outer.id);
    for (const { id } of [inner, outer, outer]) await btrfs.destroySubvolume(path, id);
    expect(await btrfs.subvolume(at('outer'))).toBeUndefined();
    await expect(btrfs.makeWritable(path, outer.id)).rejects.toBeDefined();
    expect(await btrfs.isKnown(path, 99_999)).toBe(false);
  });

  it('takes snapshots, several together', async () => {
    const sources = [at('one'), at('two')];
    for (const source of sources) {
      await btrfs.createSubvolume(source, []);
      await writeFile(join(source, 'data'), source);
    }
    const pairs = sources.map((from, index) => ({ from, to: join(path, 'snapshots', String(index), 'made') }));
    for (const index of [0, 1]) await mkdir(join(path, 'snapshots', String(index)));
    await btrfs.snapshotTogether(pairs);
    for (const { to } of pairs) {
      expect(await btrfs.subvolume(to)).toMatchObject({ isCopy: true, readOnly: false });
      expect((await run('cat', [join(to, 'data')])).stdout).not.toBe('');
    }
    await expect(btrfs.snapshot(at('none'), join(path, 'snapshots', 'x'), [])).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it('tells subvolumes from other things', async () => {
    await mkdir(at('plain'));
    await writeFile(at('file'), '');
    await symlink(at('one'), at('link'));
    for (const name of ['plain', 'file', 'link', 'none']) expect(await btrfs.subvolume(at(name))).toBeUndefined();
  });

  it('counts no errors on a device that has none', async () => {
    expect(await btrfs.deviceErrors(path)).toBe(0);
  });

  it('counts the bytes of files that only memory has yet', async () => {
    const before = (await btrfs.dataBytes(path)) ?? Number.NaN;
    await writeFile(at('unwritten'), randomBytes(4 * MIB));
    expect(await btrfs.dataBytes(path)).toBe(before + 4 * MIB);
    await run('sync', ['-f', path]);
    expect(await btrfs.dataBytes(path)).toBe(before + 4 * MIB);
  });

  it('sets what new files have, in the folders that are there', async () => {
    const signal = AbortSignal.timeout(30_000);
    await btrfs.createSubvolume(at('options'), []);
    await mkdir(join(at('options'), 'deep', 'er'), { recursive: true });
    await mkdir(at('outside'));
    await symlink(at('outside'), join(at('options'), 'link'));
    const deep = join(at('options'), 'deep', 'er');
    const unnameable = Buffer.concat([Buffer.from(`${at('options')}/`), Buffer.from([0xff, 0xfe])]); // no UTF-8
    await mkdir(unnameable);
    const still = join(at('options'), 'still');
    await mkdir(join(still, 'inner'), { recursive: true });
    await btrfs.createSubvolume(join(at('options'), 'readonly'), []);
    await run('btrfs', ['property', 'set', join(at('options'), 'readonly'), 'ro', 'true']);
    await run('chattr', ['+i', still]);
    await run('mkfifo', [join(at('options'), 'fifo')]);
    const compression = async (folder: string) =>
      (await run('btrfs', ['property', 'get', folder, 'compression'])).stdout.trim();
    const isNocow = async (folder: string) => (await run('lsattr', ['-d', folder])).stdout.split(' ')[0]?.includes('C');

    await btrfs.setFolderOptions(at('options'), { compression: 'zstd' }, signal);
    expect(await compression(deep)).toBe('compression=zstd');
    expect([await compression(still), await compression(join(still, 'inner'))]).toEqual(['', 'compression=zstd']);
    await run('chattr', ['-i', still]);
    for (const options of [{ copyOnWrite: false }, { copyOnWrite: false }, { compression: 'none' } as const]) {
      await btrfs.setFolderOptions(at('options'), options, signal);
      expect([await compression(deep), await isNocow(deep)]).toEqual(['', true]);
    }
    await writeFile(Buffer.concat([unnameable, Buffer.from('/x')]), '');
    expect((await run('lsattr', ['-R', at('options')])).stdout).toMatch(/^-+C\S* \S+\/x$/m);
    await writeFile(join(deep, 'file'), 'x');
    expect(await isNocow(join(deep, 'file'))).toBe(true);
    await btrfs.setFolderOptions(at('options'), { compression: 'lzo', copyOnWrite: true }, signal);
    expect([await compression(deep), await isNocow(deep)]).toEqual(['compression=lzo', false]);
    expect(await isNocow(at('outside'))).toBe(false);
    await expect(btrfs.setFolderOptions(at('options'), {}, AbortSignal.abort())).rejects.toBeDefined();
  });
});

it('says what is no btrfs', async () => {
  const pool = await makePool('folder');
  try {
    if ((await run('stat', ['-f', '-c', '%T', pool.path])).stdout.trim() === 'btrfs') return;
    expect(await btrfs.subvolume(pool.path)).toBeUndefined();
    await expect(btrfs.qgroups(pool.path)).rejects.toMatchObject({ code: 'ENOTTY' });
  } finally {
    await pool.cleanup();
  }
});
