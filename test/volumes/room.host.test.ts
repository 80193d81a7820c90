import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { codeOf, MIB, makeDriver, refusal, signal, type TestDriver } from '../support/driver.ts';

let at: TestDriver;
afterEach(() => at.cleanup());

const IMAGE = { backend: 'image' } as const;
const everywhere = { capabilities: [], parameters: {}, topology: undefined };
const free = async () => (await at.service.capacity(everywhere, signal())).availableBytes;
const remove = (volumeId: string) => at.service.deleteVolume({ volumeId }, signal());
const listed = async () => {
  const { entries } = await at.service.listVolumes({ maxEntries: 0, startingToken: undefined }, signal());
  return entries.map(({ volume }) => volume.id);
};
const start = (keys: Readonly<Record<string, unknown>> = {}) =>
  makeDriver({ pools: [{ name: 'p', kind: 'xfs', sizeBytes: 512 * MIB, config: { ...IMAGE, ...keys } }] });

describe('promises of a pool', () => {
  it.each([1, 2])('never pass its size times its overcommit of %d, said with the numbers', async (overcommit) => {
    at = await start({ overcommit });
    const before = await free();
    expect(before).toBeLessThanOrEqual(512 * MIB * overcommit);
    expect(before).toBeGreaterThan(400 * MIB * overcommit);
    const refused = await refusal(at.create('too-large', { sizeBytes: before + 4096 }));
    expect(refused.code).toBe('exhausted');
    expect(refused.message).toMatch(/\d{9,} bytes/);
    expect(refused.message).toContain(`overcommit ${overcommit}`);
    expect([...at.catalog.all()]).toEqual([]);
    const sizeBytes = Math.floor(before / MIB - 1) * MIB;
    const { id } = await at.create('fits', { sizeBytes });
    expect(await codeOf(at.create('one-more'))).toBe('exhausted');
    await at.restart();
    expect(await codeOf(at.create('one-more'))).toBe('exhausted');
    expect(await free()).toBeLessThan(2 * MIB);
    await remove(id);
    await at.driver.idle();
    expect(await free()).toBeGreaterThanOrEqual(sizeBytes);
    expect(await codeOf(at.create('one-more'))).toBe('ok');
  });

  it('hold for callers at once', async () => {
    at = await start();
    const sizeBytes = 64 * MIB;
    const fits = Math.floor((await free()) / sizeBytes);
    const names = Array.from({ length: fits + 4 }, (_, index) => `v${index}`);
    const codes = await Promise.all(names.map((name) => codeOf(at.create(name, { sizeBytes }))));
    expect(codes.filter((code) => code === 'ok')).toHaveLength(fits);
    expect(codes.filter((code) => code === 'exhausted')).toHaveLength(4);
    expect(at.catalog.promisedBytes('p')).toBe(fits * sizeBytes);
  });

  it('count what a snapshot holds, and what an expansion adds', async () => {
    at = await start();
    const { id } = await at.create('data', { sizeBytes: 128 * MIB });
    await at.mounted(id, ({ path }) => writeFile(join(path, 'file'), Buffer.alloc(16 * MIB, 'x')));
    const before = await free();
    const snapshot = await at.service.createSnapshot({ name: 's', sourceVolumeId: id }, signal());
    expect(before - (await free())).toBeGreaterThanOrEqual(16 * MIB);
    const grow = (requiredBytes: number) =>
      at.service.expandVolume(
        { volumeId: id, size: { requiredBytes, limitBytes: undefined }, capability: undefined },
        signal(),
      );
    expect(await codeOf(grow(128 * MIB + (await free()) + 4096))).toBe('exhausted');
    expect(at.catalog.volume(id)?.sizeBytes).toBe(128 * MIB);
    const middle = await free();
    expect((await grow(160 * MIB)).sizeBytes).toBe(160 * MIB);
    expect(middle - (await free())).toBe(32 * MIB);
    expect((await grow(64 * MIB)).sizeBytes).toBe(160 * MIB);
    await at.service.deleteSnapshot({ snapshotId: snapshot.id }, signal());
    await at.driver.idle();
    expect(await free()).toBeGreaterThanOrEqual(before - 32 * MIB);
  });

  it('respect the limits of request and pool', async () => {
    at = await start({ maxVolumeBytes: 64 * MIB });
    expect(await codeOf(at.create('a', { sizeBytes: 65 * MIB }))).toBe('out-of-range');
    expect(await codeOf(at.create('b', { sizeBytes: 32 * MIB - 100, limitBytes: 32 * MIB - 1 }))).toBe('out-of-range');
    const { id, sizeBytes } = await at.create('c', { sizeBytes: 32 * MIB - 100 });
    expect(sizeBytes).toBe(32 * MIB);
    const grow = (requiredBytes: number, limitBytes?: number) =>
      codeOf(
        at.service.expandVolume({ volumeId: id, size: { requiredBytes, limitBytes }, capability: undefined }, signal()),
      );
    expect(await grow(65 * MIB)).toBe('out-of-range');
    expect(await grow(16 * MIB, 24 * MIB)).toBe('out-of-range');
    expect(await grow(40 * MIB - 1, 40 * MIB - 1)).toBe('out-of-range');
    expect(await grow(40 * MIB - 1, 40 * MIB)).toBe('ok');
    expect((await at.service.capacity(everywhere, signal())).maximumVolumeBytes).toBe(64 * MIB);
  });

  it.each([
    { onDelete: 'retain', folder: 'volumes', state: 'retained' },
    { onDelete: 'archive', folder: 'archive', state: 'archived' },
  ] as const)(
    'stand for what is kept with onDelete $onDelete, which is not listed',
    async ({ onDelete, folder, state }) => {
      at = await start();
      const { id } = await at.create('data', { sizeBytes: 64 * MIB });
      await at.service.modifyVolume({ volumeId: id, mutableParameters: { onDelete } }, signal());
      const before = await free();
      await remove(id);
      await at.driver.idle();
      for (const restart of [false, true]) {
        if (restart) await at.restart();
        expect(await listed()).toEqual([]);
        expect(await free()).toBeLessThanOrEqual(before);
        expect(await codeOf(at.service.getVolume({ volumeId: id }, signal()))).toBe('not-found');
        expect(await codeOf(remove(id))).toBe('ok');
        expect(at.catalog.volume(id)?.state).toBe(state);
        expect(await readdir(join(at.poolPath(), folder))).toEqual([expect.stringContaining('data-')]);
      }
      const again = await at.create('data', { sizeBytes: 64 * MIB });
      expect(again.id).not.toBe(id);
      await at.restart();
      expect(await at.create('data', { sizeBytes: 64 * MIB })).toEqual(again);
      expect(at.catalog.volume(again.id)?.folder).not.toBe(at.catalog.volume(id)?.folder);
      expect(at.catalog.promisedBytes('p')).toBe(128 * MIB);
    },
  );
});
