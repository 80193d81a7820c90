import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { signal, type Workbench } from '../workbench.ts';

export function lifecycleTests(bench: () => Workbench): void {
  describe('create', () => {
    it('makes a volume that is there, open or not', async () => {
      const { backend, inspect, volume } = bench();
      const item = await volume();
      expect(await backend.exists(item)).toBe(true);
      expect(await backend.condition(item)).toBeUndefined();
      expect(await inspect.temporary(item)).toEqual([]);
    });

    it('keeps a complete volume when called again', async () => {
      const { backend, filledVolume, fingerprint } = bench();
      const item = await filledVolume();
      const before = await fingerprint(item);
      await backend.create(item, undefined, signal());
      expect(await fingerprint(item)).toBe(before);
    });

    it('does not mind what an earlier attempt left', async () => {
      const { backend, poolPath, volume, fingerprint } = bench();
      const planned = await volume();
      await backend.discard(planned);
      await backend.purge(planned, signal());
      const leftover = join(poolPath, '.stowage/tmp', planned.folder);
      await mkdir(join(leftover, 'deep'), { recursive: true });
      await writeFile(`${leftover}.img`, 'half');
      await backend.create(planned, undefined, signal());
      expect(await backend.exists(planned)).toBe(true);
      expect(await fingerprint(planned)).not.toContain('half');
      await backend.purge(planned, signal());
    });

    it('leaves nothing when its time is over', async () => {
      const { backend, inspect, named, volume } = bench();
      const source = await volume();
      const item = named(await volume(), 'late');
      const late = backend.create(item, source, AbortSignal.abort());
      await expect(late).rejects.toMatchObject({ code: 'cancelled' });
      expect(await backend.exists(item)).toBe(false);
      expect(await inspect.temporary(item)).toEqual([]);
    });
  });

  describe('open and close', () => {
    it('give the same when called again', async () => {
      const { backend, volume } = bench();
      const item = await volume();
      const first = await backend.open(item, signal());
      try {
        expect(await backend.open(item, signal())).toEqual(first);
        expect(await backend.opened(item)).toEqual(first);
      } finally {
        await backend.close(item, signal());
      }
      await backend.close(item, signal());
      // A disk of its own needs no opening, as a folder does not.
      const closes = first.type === 'device' && item.layout.backend !== 'disk';
      if (closes) expect(await backend.opened(item)).toBeUndefined();
    });

    it('refuse a volume without data', async () => {
      const { backend, named, volume } = bench();
      const item = named(await volume(), 'gone');
      // What a restart of the node takes by its nature is no damage.
      const code = backend.features.volatile === true ? 'precondition' : 'data-loss';
      await expect(backend.open(item, signal())).rejects.toMatchObject({ code });
      expect(await backend.opened(item)).toBeUndefined();
      await backend.close(item, signal());
    });

    it('keep a mounted volume open', async () => {
      const { backend, volume, staged } = bench();
      const item = await volume();
      await staged(item, async (view) => {
        const opened = await backend.opened(item);
        if (opened?.type !== 'device' || view.type === 'device') return;
        await expect(backend.close(item, signal())).rejects.toMatchObject({ code: 'busy' });
        await expect(backend.discard(item)).rejects.toMatchObject({ code: 'busy' });
        expect(await backend.opened(item)).toEqual(opened);
      });
    });
  });

  describe('delete', () => {
    it('moves the data to the trash, then removes it, each as often as asked', async () => {
      const { backend, inspect, filledVolume } = bench();
      const item = await filledVolume();
      await backend.discard(item);
      await backend.discard(item);
      expect(await backend.exists(item)).toBe(false);
      expect(await inspect.trashed(item)).toHaveLength(1);
      await backend.purge(item, signal());
      await backend.purge(item, signal());
      expect(await inspect.trashed(item)).toEqual([]);
    });

    it('removes snapshots and leaves their volumes', async () => {
      const { backend, filledVolume, takeSnapshot, fingerprint } = bench();
      if (backend.features.snapshots === 'none') return;
      const source = await filledVolume();
      const before = await fingerprint(source);
      const snapshot = await takeSnapshot(source);
      await backend.discard(snapshot);
      await backend.purge(snapshot, signal());
      expect(await backend.exists(snapshot)).toBe(false);
      expect(await backend.condition(source)).toBeUndefined();
      expect(await fingerprint(source)).toBe(before);
    });

    it('archives under a name with the time', async () => {
      const { backend, inspect, filledVolume } = bench();
      const item = await filledVolume();
      if (backend.features.volatile === true) {
        await expect(backend.archive(item, new Date())).rejects.toMatchObject({ code: 'unsupported' });
        expect(await backend.exists(item)).toBe(true);
        return;
      }
      await backend.archive(item, new Date('2026-11-21T08:09:10.123Z'));
      await backend.archive(item, new Date('2026-11-21T08:09:11.123Z'));
      expect(await backend.exists(item)).toBe(false);
      const names = await inspect.archived(item);
      // On a share it is the name that its users know.
      const { layout } = item;
      const name = layout.backend === 'share' ? `archived-${layout.subDir}` : `${item.folder}-20261121T080910Z`;
      expect(names.map((found) => found.replace(/\.(img|disk)$/, ''))).toEqual([name]);
    });
  });
}
