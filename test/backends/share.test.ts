import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Item, SharePlace } from '../../src/backends/backend.ts';
import { createBackend } from '../../src/backends/registry.ts';
import { createClaims } from '../../src/backends/share/claims.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { filesWithLateFolder } from '../host/files-setup.ts';
import { makePool, type TestPool } from '../support/pools.ts';
import { describeBackend } from './conformance.ts';
import { inspectShare, newPlace, pathOf } from './share-setup.ts';
import { createWorkbench, signal, type Workbench } from './workbench.ts';

const SIZE_BYTES = 64 * 1024 ** 2;
const access = { type: 'mount', fsType: undefined } as const;
async function makeShare(): Promise<TestPool> {
  const pool = await makePool('xfs');
  for (const folder of ['copies', 'claims']) await mkdir(join(pool.path, '.stowage', folder));
  return pool;
}

describeBackend('share', {
  makePool: async () => {
    const { path, cleanup } = await makeShare();
    return { config: { backend: 'share', name: 'test', path }, inspect: inspectShare(path), cleanup };
  },
  access,
  sizeBytes: SIZE_BYTES,
  share: newPlace,
  usageLacks: ['inodes', 'shared'],
});

describe('folders on a share', () => {
  let pool: TestPool;
  let bench: Workbench;
  beforeAll(async () => {
    pool = await makeShare();
    const config = { backend: 'share', name: 'test', path: pool.path } as const;
    bench = createWorkbench({
      config,
      inspect: inspectShare(pool.path),
      access,
      sizeBytes: SIZE_BYTES,
      share: newPlace,
    });
  });
  afterAll(() => pool.cleanup());

  const volume = (place: Partial<SharePlace>) => bench.volume({ share: newPlace(place) });
  const claimOf = (item: Item) => createClaims(pool.path, bench.host.files).linkOf(item);

  it('have the mode and the owner that were asked for', async () => {
    const item = await volume({ mode: 0o2750, uid: 1234, gid: 2345 });
    expect(await bench.host.files.stat(join(pool.path, pathOf(item)))).toMatchObject({
      mode: 0o2750,
      uid: 1234,
      gid: 2345,
    });
  });

  it('are never one that was there before', async () => {
    await mkdir(join(pool.path, 'foreign'));
    await writeFile(join(pool.path, 'foreign/kept'), 'kept');
    await expect(volume({ subDir: 'foreign' })).rejects.toMatchObject({ code: 'already-exists' });
    expect(await readdir(join(pool.path, 'foreign'))).toEqual(['kept']);
  });

  it('are never one that came while they were planned, and undoing that removes nothing', async () => {
    const other = await volume({});
    const item = { ...bench.named(other, 'late-foreign'), kind: 'volume' as const };
    await mkdir(join(pool.path, 'late-foreign'));
    await writeFile(join(pool.path, 'late-foreign/kept'), 'kept');
    for (const source of [undefined, other]) {
      await expect(bench.backend.create(item, source, signal())).rejects.toMatchObject({ code: 'already-exists' });
      await bench.backend.discard(item);
      await bench.backend.purge(item, signal());
      expect(await readdir(join(pool.path, 'late-foreign'))).toEqual(['kept']);
    }
  });

  it('are never one that came when they had just been claimed', async () => {
    const item = { ...bench.named(await volume({}), 'later-foreign'), kind: 'volume' as const };
    const host = { ...bench.host, files: filesWithLateFolder(join(pool.path, 'later-foreign')) };
    const late = createBackend({ backend: 'share', name: 'test', path: pool.path }, { host, log: createLog('silent') });
    await expect(late.create(item, undefined, signal())).rejects.toMatchObject({ code: 'already-exists' });
    await bench.backend.discard(item);
    expect(await readdir(join(pool.path, 'later-foreign'))).toEqual([]);
    expect(await bench.host.files.readLink(claimOf(item).path)).toBeUndefined();
  });

  it('are made, or undone, where a dead process has only claimed them', async () => {
    const other = await volume({});
    for (const isUndone of [false, true]) {
      const item = { ...bench.named(other, 'claimed'), kind: 'volume' as const };
      const { path, text } = claimOf(item);
      await symlink(text, path);
      if (!isUndone) await bench.backend.create(item, undefined, signal());
      expect(await bench.backend.exists(item)).toBe(!isUndone);
      await bench.backend.discard(item);
      expect(await bench.backend.exists(item)).toBe(false);
      expect(await bench.host.files.readLink(path)).toBeUndefined();
    }
  });

  it('are neither in, on nor around another', async () => {
    await volume({ subDir: 'team/a' });
    for (const subDir of ['team/a', 'team/a/b', 'team', '.stowage/x'])
      await expect(volume({ subDir })).rejects.toMatchObject({ code: expect.stringMatching(/already-exists|invalid/) });
    await volume({ subDir: 'team/b' });
  });

  it('may be shared by volumes that are kept, and then nothing removes them', async () => {
    const first = await volume({ subDir: 'common', shared: true });
    const second = await volume({ subDir: 'common', shared: true });
    await writeFile(join(pool.path, 'common/kept'), 'kept');
    for (const item of [first, second]) {
      await bench.backend.discard(item);
      await bench.backend.purge(item, signal());
      await bench.backend.archive(item, new Date());
    }
    expect(await readdir(join(pool.path, 'common'))).toEqual(['kept']);
    await expect(volume({ subDir: 'common' })).rejects.toMatchObject({ code: 'already-exists' });
  });

  it('are not taken for those of a volume whose deletion is repeated', async () => {
    const first = await volume({ subDir: 'again' });
    await bench.backend.discard(first);
    bench.forget(first);
    const second = await volume({ subDir: 'again' });
    await writeFile(join(pool.path, 'again/kept'), 'kept');
    await bench.backend.discard(first);
    await bench.backend.purge(first, signal());
    expect(await readdir(join(pool.path, 'again'))).toEqual(['kept']);
    expect(await bench.backend.exists(second)).toBe(true);
  });

  it('go to the archive under names that do not meet', async () => {
    const names = [];
    for (const time of ['2026-11-21T08:00:00.000Z', '2026-11-21T08:00:00.000Z']) {
      const item = await volume({ subDir: 'db' });
      bench.forget(item);
      await bench.backend.archive(item, new Date(time));
      await bench.backend.archive(item, new Date(time));
      names.push((await readdir(pool.path)).filter((name) => name.startsWith('archived-db')).length);
    }
    expect(names).toEqual([1, 2]);
  });
});
