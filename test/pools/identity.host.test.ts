import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createHost } from '../../src/host/system.ts';
import { forgetPool } from '../../src/pools/identity.ts';
import { fill, fingerprint } from '../support/content.ts';
import { codeOf, MIB, makeDriver, refusal, signal, type TestDriver } from '../support/driver.ts';

const run = promisify(execFile);

const IMAGE = { backend: 'image' } as const;
const DIRECTORY = { backend: 'directory', quota: 'advisory' } as const;

let at: TestDriver;
afterEach(() => at.cleanup());

/** Two pools with a volume in each; the first one's disk can be taken away. */
async function twoPools(config: typeof IMAGE | typeof DIRECTORY, keys: Readonly<Record<string, unknown>> = {}) {
  at = await makeDriver({
    pools: [
      { name: 'disk', kind: 'xfs', config: { ...config, ...keys } },
      { name: 'other', kind: 'folder', config: DIRECTORY },
    ],
  });
  const { id } = await at.create('data', { parameters: { pool: 'disk' } });
  const other = await at.create('beside', { parameters: { pool: 'other' } });
  return { id, otherId: other.id };
}

const takeAway = () => run('umount', [at.poolPath('disk')]);
const bringBack = () =>
  run('mount', ['-o', 'loop', join(dirname(at.poolPath('disk')), 'disk.img'), at.poolPath('disk')]);
/** The domain code, `ok`, or the words of its condition. */
async function get(volumeId: string): Promise<string> {
  let words = '';
  const code = await codeOf(
    at.service.getVolume({ volumeId }, signal()).then(({ condition }) => {
      if (condition.abnormal) words = condition.message;
    }),
  );
  return words === '' ? code : words;
}
const remove = (volumeId: string) => codeOf(at.service.deleteVolume({ volumeId }, signal()));
const newIn = (pool: string, name = `new-${Math.random().toString(36).slice(2)}`) =>
  codeOf(at.create(name, { parameters: { pool } }));
const free = async (pool: string) =>
  (await at.service.capacity({ capabilities: [], parameters: { pool }, topology: undefined }, signal())).availableBytes;

describe.each([
  { title: 'image', config: IMAGE },
  { title: 'directory', config: DIRECTORY },
])('a pool whose disk goes away: $title', ({ config }) => {
  it('is refused while it is away, the other pool goes on, and all works again when it is back', async () => {
    const { id, otherId } = await twoPools(config);
    const print = await at.mounted(id, async (view) => {
      await fill(view);
      return fingerprint(view);
    });
    await takeAway();
    for (const restart of [false, true]) {
      if (restart) await at.restart();
      expect(await newIn('disk')).toBe('exhausted');
      // What was known before the pool went away is still told, with its condition.
      expect(await get(id)).toMatch(restart ? /^unavailable$/ : /pool disk/);
      expect(await remove(id)).toBe('unavailable');
      expect(await codeOf(at.stage(id))).toBe('unavailable');
      expect(await codeOf(at.service.createSnapshot({ name: 's', sourceVolumeId: id }, signal()))).toBe('unavailable');
      expect(await free('disk')).toBe(0);
      expect(await get(otherId)).toBe('ok');
      expect(await newIn('other')).toBe('ok');
      expect(await readdir(at.poolPath('disk'))).toEqual([]);
    }
    await bringBack();
    expect(await get(id)).toBe('ok');
    expect(await at.mounted(id, fingerprint)).toBe(print);
    expect(await newIn('disk')).toBe('ok');
    expect(await free('disk')).toBeGreaterThan(0);
  });

  it('is not mistaken for another disk in its place, also one that looks the same', async () => {
    const { id } = await twoPools(config);
    await takeAway();
    // Another pool, made in the same steps: its identity may have the same device and inode number.
    const image = join(dirname(at.poolPath('disk')), 'disk.img');
    await rename(image, `${image}.away`);
    await run('truncate', ['-s', '1G', image]);
    await run('mkfs.xfs', ['-q', image]);
    await bringBack();
    for (const name of [
      '.stowage/volumes',
      '.stowage/snapshots',
      '.stowage/groups',
      '.stowage/trash',
      '.stowage/tmp',
    ]) {
      await mkdir(join(at.poolPath('disk'), name), { recursive: true });
    }
    for (const name of ['volumes', 'snapshots', 'archive']) await mkdir(join(at.poolPath('disk'), name));
    await writeFile(
      join(at.poolPath('disk'), '.stowage', 'pool.json'),
      JSON.stringify({ schema: 1, uuid: '6b1f3a52-1111-4222-8333-444455556666', backend: config.backend }),
    );
    const { code, message } = await refusal(at.service.deleteVolume({ volumeId: id }, signal()));
    expect(code).toBe('unavailable');
    for (const said of [message, await get(id)]) {
      expect(said).toContain('6b1f3a52-1111-4222-8333-444455556666');
      expect(said).toContain('stowage pool forget disk');
    }
    expect(await newIn('disk')).toBe('exhausted');
    expect(await readdir(join(at.poolPath('disk'), 'volumes'))).toEqual([]);

    await forgetPool(createHost().files, at.config.stateDir, 'disk');
    await at.restart();
    expect(await newIn('disk')).toBe('ok');
  });

  it('takes nothing new and gives nothing up where it is read-only, and all works again when it is writable', async () => {
    const { id } = await twoPools(config);
    await run('mount', ['-o', 'remount,ro', at.poolPath('disk')]);
    for (const restart of [false, true]) {
      if (restart) await at.restart();
      expect(await newIn('disk')).toBe('exhausted');
      expect(await newIn('other')).toBe('ok');
      expect(await get(id)).toMatch(/pool disk.*is read-only/);
      expect(await remove(id)).toBe('unavailable');
      expect(await codeOf(at.service.createSnapshot({ name: 's', sourceVolumeId: id }, signal()))).toBe('unavailable');
    }
    await run('mount', ['-o', 'remount,rw', at.poolPath('disk')]);
    expect(await newIn('disk')).toBe('ok');
    expect(await remove(id)).toBe('ok');
  });
});

it('needs a mount point where requireMount says so, from the first use on', async () => {
  at = await makeDriver({ pools: [{ name: 'p', kind: 'folder', config: { ...DIRECTORY, requireMount: true } }] });
  const refused = await refusal(at.create('data'));
  expect(refused.code).toBe('exhausted');
  expect(refused.message).toContain('requireMount');
  expect((await readdir(join(at.poolPath(), '.stowage'))).includes('pool.json')).toBe(false);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'pool', at.poolPath()]);
  expect(await codeOf(at.create('data'))).toBe('ok');
});

it('is gone for its volumes when the config does not name it any more, until it is forgotten', async () => {
  const { id, otherId } = await twoPools(IMAGE);
  const kept = [{ name: 'other', path: at.poolPath('other'), ...DIRECTORY }];
  await at.restart({ pools: kept });
  expect(await get(id)).toBe('unavailable');
  expect(await remove(id)).toBe('unavailable');
  expect(await newIn('disk')).toBe('exhausted');
  expect(await get(otherId)).toBe('ok');
  await forgetPool(createHost().files, at.config.stateDir, 'disk');
  await at.restart({ pools: kept });
  expect(await get(id)).toBe('not-found');
  expect(await remove(id)).toBe('ok');
});

it('is refused where its path is a link or missing', async () => {
  const { id } = await twoPools(DIRECTORY);
  await takeAway();
  const path = at.poolPath('disk');
  await rm(path, { recursive: true });
  expect(await get(id)).toMatch(/pool disk/);
  expect(await newIn('disk')).toBe('exhausted');
  await symlink(at.poolPath('other'), path);
  expect(await get(id)).toMatch(/pool disk/);
  expect(await newIn('disk')).toBe('exhausted');
  await rm(path);
  await mkdir(path);
  await bringBack();
  expect(await get(id)).toBe('ok');
});

it('refuses a damaged identity rather than making a new one', async () => {
  const { id } = await twoPools(IMAGE);
  const path = join(at.poolPath('disk'), '.stowage', 'pool.json');
  const text = await readFile(path, 'utf8');
  for (const damaged of ['', text.slice(0, 20), '{"schema":2}']) {
    await writeFile(path, damaged);
    await at.restart();
    expect(await get(id)).toBe('unavailable');
    expect(await newIn('disk')).toBe('exhausted');
    expect(await readFile(path, 'utf8')).toBe(damaged);
  }
  await writeFile(path, text);
  expect(await get(id)).toBe('ok');
});

it('answers that there is no room where the disk is full, and has room again when it is not', async () => {
  const { id } = await twoPools(IMAGE);
  const ballast = join(at.poolPath('disk'), 'ballast');
  await run('sh', ['-c', 'dd if=/dev/zero of="$1" bs=1M 2>/dev/null || true', 'sh', ballast]);
  await at.restart(); // the last look at the disk holds for some seconds
  expect(await newIn('disk')).toBe('exhausted');
  expect(await free('disk')).toBeLessThan(32 * MIB);
  expect(await get(id)).toBe('ok');
  expect(await newIn('other')).toBe('ok');
  await rm(ballast);
  await at.restart();
  expect(await newIn('disk')).toBe('ok');
});

describe.each([
  { title: 'image', config: IMAGE },
  { title: 'directory', config: DIRECTORY },
])('a pool that is reached through a symbolic link above it: $title', ({ config }) => {
  it('keeps, shows and protects its volumes as any other', async () => {
    at = await makeDriver({ pools: [{ name: 'p', kind: 'xfs', config }] });
    const link = join(at.folder, 'link');
    await symlink(dirname(at.poolPath()), link);
    await at.restart({ pools: [{ name: 'p', path: join(link, 'pool'), ...config }] });
    const { id } = await at.create('data');
    for (let round = 0; round < 2; round++) {
      await at.stage(id);
      await at.publish(id, 'pod');
    }
    await fill({ type: 'tree', path: at.target('pod') });
    expect(await remove(id)).toBe('precondition');
    expect(await codeOf(at.unstage(id))).toBe('precondition');
    await at.restart({ pools: [{ name: 'p', path: join(link, 'pool'), ...config }] });
    expect(await codeOf(at.publish(id, 'pod'))).toBe('ok');
    await at.unpublish(id, 'pod');
    await at.unstage(id);
    expect(await remove(id)).toBe('ok');
  });
});
