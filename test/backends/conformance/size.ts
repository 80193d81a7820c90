import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import type { Item } from '../../../src/backends/backend.ts';
import { fill, fillUp, fingerprint, type Writer } from '../../support/content.ts';
import type { ConformanceSetup } from '../conformance.ts';
import { mayGrowExt4, signal, type Workbench } from '../workbench.ts';

const MIB = 1024 ** 2;

export function sizeTests(bench: () => Workbench, { sizeBytes, access, usageLacks = [] }: ConformanceSetup): void {
  const remove = async (item: Item) => {
    await bench().backend.discard(item);
    await bench().backend.purge(item, signal());
  };

  /** Grows the file system and checks that it did; false where this process may not, once that is said as it must be. */
  async function growsTo(item: Item, mountPoint: string | undefined): Promise<boolean> {
    const { backend } = bench();
    const grown = backend.grow(item, mountPoint, signal());
    const needsCapability = item.layout.backend === 'image' && access.type === 'mount' && access.fsType === 'ext4';
    if (needsCapability && !(await mayGrowExt4())) {
      await expect(grown).rejects.toMatchObject({ code: 'precondition' });
      return false;
    }
    await grown;
    expect((await backend.usage(item, mountPoint, signal())).bytes.total).toBeGreaterThan(1.6 * sizeBytes);
    return true;
  }

  describe('size', () => {
    // Nobody may open a device; whoever may is held by its end.
    const writers: readonly Writer[] = access.type === 'block' ? ['root'] : ['root', 'nobody'];
    it.each(writers)('holds for %s, and a neighbour notices nothing', async (writer) => {
      const { backend, filledVolume, volume, staged, fingerprint } = bench();
      if (!backend.features.enforced) return;
      const neighbour = await filledVolume();
      const before = await fingerprint(neighbour);
      const item = await volume();
      const refusal = await staged(item, (view) => fillUp(view, item.sizeBytes + 8 * MIB, writer));
      expect(['ENOSPC', 'EDQUOT']).toContain(refusal);
      expect(await fingerprint(neighbour)).toBe(before);
      await remove(item);
    });

    it('stays, and growth is refused, where the features have none', async () => {
      const { backend, volume } = bench();
      if (backend.features.expansion !== 'none') return;
      const item = await volume();
      await backend.expand(item, item.sizeBytes, signal());
      const grown = backend.expand(item, item.sizeBytes + 4096, signal());
      await expect(grown).rejects.toMatchObject({ code: 'unsupported' });
    });

    it('grows while in use, with the data kept', async () => {
      const { backend, volume, staged } = bench();
      if (backend.features.expansion === 'none') return;
      const item = await volume();
      const larger: Item = { ...item, sizeBytes: 2 * sizeBytes };
      await staged(item, async (view, mountPoint) => {
        await fill(view);
        const before = await fingerprint(view);
        for (const _ of ['once', 'and again']) {
          await backend.expand(item, larger.sizeBytes, signal());
          if (!(await growsTo(larger, mountPoint))) return;
        }
        expect(await fingerprint(view)).toBe(before);
        if (backend.features.enforced) {
          expect(await fillUp(view, sizeBytes + 8 * MIB)).toBeUndefined();
        }
      });
      await remove(item);
    });

    it('grows while not in use', async () => {
      const { backend, filledVolume, fingerprint, staged } = bench();
      if (backend.features.expansion === 'none') return;
      const item = await filledVolume();
      const before = await fingerprint(item);
      const larger: Item = { ...item, sizeBytes: 2 * sizeBytes };
      await backend.expand(item, larger.sizeBytes, signal());
      await staged(larger, async (_view, mountPoint) => {
        await growsTo(larger, mountPoint);
      });
      expect(await fingerprint(larger)).toBe(before);
    });

    it('grows in a copy that is larger than its source', async () => {
      const { backend, filledVolume, takeSnapshot, staged, volume, fingerprint } = bench();
      if (backend.features.snapshots === 'none') return;
      const source = await filledVolume();
      const before = await fingerprint(source);
      const larger = await volume({ source: await takeSnapshot(source), requiredBytes: 2 * sizeBytes });
      expect(larger.sizeBytes).toBe(2 * sizeBytes);
      await staged(larger, async (_view, mountPoint) => {
        await growsTo(larger, mountPoint);
      });
      expect(await fingerprint(larger)).toBe(before);
      await expect(backend.condition(larger)).resolves.toBeUndefined();
    });
  });

  describe('usage', () => {
    it('is of the volume, not of the pool', async () => {
      const { backend, inspect, volume, staged } = bench();
      if (backend.features.manyNodes === true) return; // a share's is its server's to tell
      const item = await volume();
      await staged(item, async (view, mountPoint) => {
        const empty = await backend.usage(item, mountPoint, signal());
        expect(empty.bytes.total).toBeLessThanOrEqual(item.sizeBytes);
        expect(empty.bytes.total).toBeGreaterThan(0.7 * item.sizeBytes);
        const file = view.type === 'device' ? view.path : `${view.path}/eight`;
        await writeFile(file, randomBytes(8 * MIB), { flush: true, flag: view.type === 'device' ? 'r+' : 'w' });
        inspect.letTimePass?.();
        const { bytes, inodes } = await backend.usage(item, mountPoint, signal());
        // What is used of a raw disk, only who uses it knows.
        if (view.type === 'device' && item.layout.backend === 'disk') {
          expect({ bytes, inodes }).toEqual({ bytes: { total: item.sizeBytes, used: 0, available: item.sizeBytes } });
          return;
        }
        expect(bytes.used - empty.bytes.used).toBeGreaterThanOrEqual(7 * MIB);
        expect(bytes.available).toBeLessThanOrEqual(bytes.total - bytes.used);
        if (view.type === 'device' || usageLacks.includes('inodes')) expect(inodes).toBeUndefined();
        else expect((inodes?.used ?? 0) - (empty.inodes?.used ?? 0)).toBe(1);
      });
    });
  });

  describe('usage of a copy', () => {
    it('counts what was copied', async () => {
      const { backend, filledVolume, volume, staged } = bench();
      if (backend.features.manyNodes === true) return;
      if (backend.features.clones === 'none') return;
      const clone = await volume({ source: await filledVolume() });
      await staged(clone, async (view, mountPoint) => {
        const { bytes } = await backend.usage(clone, mountPoint, signal());
        expect(bytes.used).toBeLessThan(sizeBytes);
        if (!usageLacks.includes('shared')) return expect(bytes.used).toBeGreaterThanOrEqual(MIB);
        expect(bytes.used).toBeLessThan(MIB);
        if (view.type === 'tree') await writeFile(`${view.path}/own`, randomBytes(2 * MIB), { flush: true });
        const own = await backend.usage(clone, mountPoint, signal());
        expect(own.bytes.used - bytes.used).toBeGreaterThanOrEqual(2 * MIB);
      });
    });
  });

  describe('capacity', () => {
    it('is the room of the pool', async () => {
      const { backend, filledVolume, takeSnapshot, items } = bench();
      const volume = await filledVolume();
      const copy = await (backend.features.snapshots === 'none' ? filledVolume() : takeSnapshot(volume));
      const known = [copy];
      for (const item of items()) if (item.id !== copy.id && (await backend.exists(item))) known.push(item);
      const capacity = await backend.capacity(known);
      expect(capacity.freeBytes).toBeGreaterThan(0);
      expect(capacity.freeBytes).toBeLessThan(capacity.totalBytes);
      if (capacity.usedByVolumesBytes === undefined) return;
      expect(capacity.usedByVolumesBytes).toBeGreaterThan(2 * MIB);
      expect(capacity.usedByVolumesBytes).toBeLessThanOrEqual(capacity.totalBytes);
    });
  });
}
