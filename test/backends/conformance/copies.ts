import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Item } from '../../../src/backends/backend.ts';
import { fill, fingerprint, type View } from '../../support/content.ts';
import type { ConformanceSetup } from '../conformance.ts';
import { signal, type Workbench } from '../workbench.ts';

export function copyTests(bench: () => Workbench, { access, share }: ConformanceSetup): void {
  describe('copies', () => {
    it('are refused as far as the features say', async () => {
      const { backend, volume } = bench();
      const source = await volume();
      if (backend.features.clones === 'none') {
        const wish = { requiredBytes: source.sizeBytes, limitBytes: undefined, access, source };
        await expect(backend.plan(wish, () => [])).rejects.toMatchObject({ code: 'unsupported' });
      }
      if (backend.features.snapshots === 'none') {
        const snapshot: Item = { ...source, kind: 'snapshot', id: 'none', folder: 'none' };
        await expect(backend.snapshot([{ source, snapshot }], signal())).rejects.toMatchObject({
          code: 'unsupported',
        });
        expect(await backend.exists(snapshot)).toBe(false);
      }
    });

    it('clone a volume with everything in it', async () => {
      const { backend, filledVolume, volume, fingerprint } = bench();
      if (backend.features.clones === 'none') return;
      const source = await filledVolume();
      const clone = await volume({ source });
      expect(await fingerprint(clone)).toBe(await fingerprint(source));
    });

    it('restore a snapshot, as it was when it was taken', async () => {
      const { backend, filledVolume, takeSnapshot, staged, volume, fingerprint } = bench();
      if (backend.features.snapshots === 'none') return;
      const source = await filledVolume();
      const before = await fingerprint(source);
      const snapshot = await takeSnapshot(source);
      await staged(source, fillAgain);
      expect(await fingerprint(source)).not.toBe(before);
      const restored = await volume({ source: snapshot });
      expect(await fingerprint(restored)).toBe(before);
    });

    it('cannot be smaller than their source', async () => {
      const { backend, volume } = bench();
      if (backend.features.clones === 'none') return;
      const place = share === undefined ? {} : { share: share() };
      const wish = { requiredBytes: 4096, limitBytes: undefined, access, source: await volume(), ...place };
      await expect(backend.plan(wish, () => [])).rejects.toMatchObject({ code: 'out-of-range' });
    });

    it('refuse a source that is missing, leaving nothing', async () => {
      const { backend, named, volume } = bench();
      if (backend.features.clones === 'none') return;
      const source = named(await volume(), 'gone');
      const item = named(await volume(), 'orphan');
      await expect(backend.create(item, source, signal())).rejects.toMatchObject({ code: 'data-loss' });
      expect(await backend.exists(item)).toBe(false);
    });

    it('can be taken again, which changes nothing', async () => {
      const { backend, filledVolume, takeSnapshot, staged, volume, fingerprint } = bench();
      if (backend.features.snapshots === 'none') return;
      const source = await filledVolume();
      const before = await fingerprint(source);
      const snapshot = await takeSnapshot(source);
      await staged(source, fillAgain);
      await backend.snapshot([{ source, snapshot }], signal());
      expect(await fingerprint(await volume({ source: snapshot }))).toBe(before);
    });

    it('of volumes in use hold what was written, and writers go on', async () => {
      const { backend, volume, snapshotOf, staged, fingerprint: fingerprintOf } = bench();
      if (backend.features.snapshots === 'none') return;
      const source = await volume();
      await staged(source, async (view) => {
        await fill(view);
        const before = await fingerprint(view);
        const snapshot = await snapshotOf(source);
        const taken = backend.snapshot([{ source, snapshot }], signal());
        if (view.type === 'device' && backend.features.snapshots !== 'instant') {
          await expect(taken).rejects.toMatchObject({ code: 'precondition' });
          expect(await backend.exists(snapshot)).toBe(false);
          return;
        }
        await taken;
        await fillAgain(view);
        expect(await fingerprintOf(await volume({ source: snapshot }))).toBe(before);
      });
    });

    it('of several volumes are taken together', async () => {
      const { backend, filledVolume, snapshotOf, volume, fingerprint } = bench();
      if (backend.features.snapshots === 'none') return;
      const sources = [await filledVolume(), await filledVolume()];
      const pairs = [];
      for (const source of sources) pairs.push({ source, snapshot: await snapshotOf(source) });
      await backend.snapshot(pairs, signal());
      for (const { source, snapshot } of pairs) {
        expect(await fingerprint(await volume({ source: snapshot }))).toBe(await fingerprint(source));
      }
    });

    it('of several volumes are all taken or none', async () => {
      const { backend, inspect, poolPath, filledVolume, snapshotOf, staged } = bench();
      if (backend.features.snapshots === 'none') return;
      const source = await filledVolume();
      const [first, second] = [await snapshotOf(source), await snapshotOf(source)];
      // Something else is where the second snapshot shall be, which is noticed only when the first is taken.
      await inspect.obstruct(second);
      const pairs = [first, second].map((snapshot) => ({ source, snapshot }));
      await staged(source, async (view) => {
        await expect(backend.snapshot(pairs, signal())).rejects.toBeDefined();
        await fillAgain(view);
      });
      expect(await backend.exists(first)).toBe(false);
      expect(await backend.exists(second)).toBe(false);
      const left = await readdir(join(poolPath, '.stowage/tmp'));
      expect(left.filter((name) => name.startsWith('s-'))).toEqual([]);
    });
  });
}

/** Changes the content; it would hang if the file system were still frozen. */
async function fillAgain(view: View): Promise<void> {
  if (view.type === 'device') return fill(view);
  const path = join(view.path, 'later');
  await mkdir(path);
  await fill({ type: 'tree', path });
}
