import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { MoveEvent } from '../../src/volumes/move/progress.ts';
import { fill, fingerprint } from '../support/content.ts';
import { block, MIB, makeDriver, type PoolSetup, refusal, signal, type TestDriver } from '../support/driver.ts';
import { makeDisks, type TestDisks } from '../support/pools.ts';

const run = promisify(execFile);
const IMAGES: PoolSetup = { name: 'images', kind: 'ext4', config: { backend: 'image' } };

let at: TestDriver | undefined;
let disks: TestDisks | undefined;
afterEach(async () => {
  const [lastDriver, lastDisks] = [at, disks];
  at = undefined;
  disks = undefined;
  await lastDriver?.cleanup();
  await lastDisks?.cleanup();
});

/** @returns the way that its content took */
async function move(driver: TestDriver, pool: string): Promise<string | undefined> {
  const events: MoveEvent[] = [];
  await driver.driver.move({ volume: 'pvc-1', pool }, (event) => events.push(event), signal());
  await driver.driver.idle();
  return events.flatMap((event) => (event.type === 'copying' ? [event.way] : []))[0];
}

describe('moving a volume between backends', () => {
  it('carries options to where they are known, and leaves them behind elsewhere', async () => {
    at = await makeDriver({ pools: [{ name: 'subvolumes', kind: 'btrfs', config: { backend: 'btrfs' } }, IMAGES] });
    const mutableParameters = { compression: 'zstd' } as const;
    const { id } = await at.create('pvc-1', { parameters: { pool: 'subvolumes' }, mutableParameters });
    const before = await at.mounted(id, async (view) => {
      await fill(view);
      return fingerprint(view);
    });
    expect(await move(at, 'images')).toBe('tree');
    expect(at.catalog.volume(id)?.options).toBeUndefined();
    expect(await at.mounted(id, fingerprint)).toBe(before);
    expect(await move(at, 'subvolumes')).toBe('tree');
    expect(await at.mounted(id, fingerprint)).toBe(before);
    const change = { mutableParameters, volumeId: id };
    await at.service.modifyVolume(change, signal());
    expect(at.catalog.volume(id)?.options).toEqual(mutableParameters);
    await at.mounted(id, ({ path }) => run('setfattr', ['-n', 'user.large', '-v', 'x'.repeat(9000), path]));
    expect((await refusal(move(at, 'images'))).message).toContain('user.large'); // too much for ext4, and not passed over
    expect(at.catalog.volume(id)?.pool).toBe('subvolumes');
    await at.service.deleteVolume({ volumeId: id }, signal());
  });

  it('takes raw block to a whole disk and back', async () => {
    disks = await makeDisks('raw', 1, 32 * MIB);
    const devices = [join(disks.folder, 'disk-0')];
    at = await makeDriver({
      pools: [
        { ...IMAGES, config: { backend: 'image', blockSizeBytes: 512 } },
        { name: 'disks', kind: 'folder', config: { backend: 'disk', devices } },
      ],
      capability: block(),
    });
    const { id } = await at.create('pvc-1', { parameters: { pool: 'images' } });
    const before = await at.mounted(id, async (view) => {
      await fill(view);
      return fingerprint(view);
    });
    await move(at, 'disks');
    expect(await at.mounted(id, fingerprint)).toBe(before);
    await move(at, 'images');
    expect(await at.mounted(id, fingerprint)).toBe(before);
    expect(await move(at, 'disks')).toBeDefined(); // it was wiped, and is free again
    await at.service.deleteVolume({ volumeId: id }, signal());
  });

  it('takes a volume out of memory, and none into it', async () => {
    at = await makeDriver({
      pools: [{ name: 'memory', kind: 'folder', config: { backend: 'memory', size: 256 * MIB } }, IMAGES],
    });
    const { id } = await at.create('pvc-1', { parameters: { pool: 'memory' } });
    const before = await at.mounted(id, async (view) => {
      await fill(view);
      return fingerprint(view);
    });
    expect(await move(at, 'images')).toBe('tree');
    expect(await at.mounted(id, fingerprint)).toBe(before);
    const { code, message } = await refusal(move(at, 'memory'));
    expect([code, message]).toEqual(['invalid', expect.stringContaining('loses its volumes at each restart')]);
    await at.service.deleteVolume({ volumeId: id }, signal());
  });
});
