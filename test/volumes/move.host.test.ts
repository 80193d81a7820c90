import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { MoveEvent } from '../../src/volumes/move/progress.ts';
import { fill, fingerprint } from '../support/content.ts';
import {
  block,
  loopsBeneath,
  MIB,
  makeDriver,
  mount,
  mountPointsBeneath,
  type PoolSetup,
  signal,
  type TestDriver,
} from '../support/driver.ts';

const DIRECTORY = { backend: 'directory', quota: 'advisory' } as const;
const XFS = 320 * MIB;

const pool = (name: string, kind: PoolSetup['kind'], config: PoolSetup['config']): PoolSetup => ({
  name,
  kind,
  config,
});

let at: TestDriver | undefined;
afterEach(async () => {
  const last = at;
  at = undefined;
  await last?.cleanup();
});

/** Everything in a pool that volumes leave: records, data, trash, temporary files. */
async function contentsOf(driver: TestDriver, name: string): Promise<string[]> {
  const folders = ['volumes', 'snapshots', '.stowage/volumes', '.stowage/trash', '.stowage/tmp'];
  const found = folders.map(async (folder) =>
    (await readdir(join(driver.poolPath(name), folder))).map((entry) => join(folder, entry)),
  );
  return (await Promise.all(found)).flat();
}

async function move(driver: TestDriver, volume: string, to: string, events: MoveEvent[] = []) {
  const moved = await driver.driver.move({ volume, pool: to }, (event) => events.push(event), signal());
  await driver.driver.idle();
  return moved;
}

async function expectNothingOpen(driver: TestDriver): Promise<void> {
  expect(await mountPointsBeneath(join(driver.folder, 'state'))).toEqual([]);
  expect(await readdir(join(driver.folder, 'state', 'move')).catch(() => [])).toEqual([]);
  for (const { name } of driver.config.pools) expect(await loopsBeneath(driver.poolPath(name))).toEqual([]);
}

describe('moving a volume', () => {
  it.each([
    ['folder to ext4 image', pool('a', 'ext4', DIRECTORY), pool('b', 'xfs', { backend: 'image' }), mount(), 'tree'],
    ['folder to xfs image', pool('a', 'xfs', DIRECTORY), pool('b', 'ext4', { backend: 'image' }), mount(), 'tree'],
    ['folder to folder', pool('a', 'ext4', DIRECTORY), pool('b', 'xfs', DIRECTORY), mount(), 'tree'],
    ['ext4 image to folder', pool('a', 'xfs', { backend: 'image' }), pool('b', 'xfs', DIRECTORY), mount(), 'tree'],
    [
      'xfs image to folder',
      pool('a', 'ext4', { backend: 'image', fsType: 'xfs' }),
      pool('b', 'ext4', DIRECTORY),
      mount(),
      'tree',
    ],
    [
      'ext4 image to image',
      pool('a', 'ext4', { backend: 'image' }),
      pool('b', 'xfs', { backend: 'image', fsType: 'xfs' }),
      mount(),
      'file',
    ],
    [
      'xfs image to preallocated image',
      pool('a', 'xfs', { backend: 'image', fsType: 'xfs' }),
      pool('b', 'ext4', { backend: 'image', preallocate: true }),
      mount(),
      'file',
    ],
    [
      'image to one of smaller sectors',
      pool('a', 'ext4', { backend: 'image' }),
      pool('b', 'xfs', { backend: 'image', blockSizeBytes: 512 }),
      mount(),
      'file',
    ],
    [
      'image to one of larger sectors',
      pool('a', 'ext4', { backend: 'image', blockSizeBytes: 512 }),
      pool('b', 'xfs', { backend: 'image' }),
      mount(),
      'tree',
    ],
    [
      'block image to image',
      pool('a', 'ext4', { backend: 'image' }),
      pool('b', 'xfs', { backend: 'image' }),
      block(),
      'file',
    ],
  ])('%s keeps all it holds, and its id', async (_name, from, to, capability, way) => {
    at = await makeDriver({ pools: [from, to], capability, sizeBytes: XFS });
    const { id } = await at.create('pvc-1', { parameters: { pool: 'a' } });
    const before = await at.mounted(id, async (view) => {
      await fill(view);
      return fingerprint(view);
    });
    const events: MoveEvent[] = [];
    expect(await move(at, 'pvc-1', 'b', events)).toEqual({ id, pool: 'b', wasThere: false });
    expect(events).toContainEqual({ type: 'copying', way });
    await expectNothingOpen(at);
    expect(at.catalog.promisedBytes('a')).toBe(0);
    expect(await contentsOf(at, 'a')).toEqual([`.stowage/volumes/${id}.json`]); // the tombstone
    expect((await at.service.getVolume({ volumeId: id }, signal())).volume.context).toEqual({ pool: 'b' });
    expect(await at.mounted(id, fingerprint)).toBe(before);
    await at.restart();
    expect(await at.mounted(id, fingerprint)).toBe(before);
    await at.service.deleteVolume({ volumeId: id }, signal());
    await at.driver.idle();
    expect([await contentsOf(at, 'a'), await contentsOf(at, 'b')]).toEqual([[], []]);
    expect([...at.catalog.all()]).toEqual([]);
    await expectNothingOpen(at);
  });
});
