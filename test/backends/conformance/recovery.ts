import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { signal, type Workbench } from '../workbench.ts';

export function recoveryTests(bench: () => Workbench): void {
  describe('condition', () => {
    it('tells that the data is missing', async () => {
      const { backend, inspect, volume } = bench();
      const item = await volume();
      const giveBack = await inspect.hide(item);
      expect(await backend.condition(item)).toContain('missing');
      await giveBack();
      expect(await backend.condition(item)).toBeUndefined();
    });

    it('tells that another thing lies in its place', async () => {
      const { backend, inspect, poolPath, volume } = bench();
      if (!['directory', 'btrfs', 'image'].includes((await volume()).layout.backend)) return;
      const item = await volume();
      const [name = ''] = (await readdir(join(poolPath, 'volumes'))).filter((entry) => entry.startsWith(item.folder));
      const giveBack = await inspect.hide(item);
      await writeFile(join(poolPath, 'volumes', name), 'short');
      expect(await backend.condition(item)).toMatch(/truncated|not a folder/);
      await rm(join(poolPath, 'volumes', name));
      await giveBack();
      expect(await backend.condition(item)).toBeUndefined();
    });
  });

  describe('recover', () => {
    it('empties the temporary folder and keeps all volumes', async () => {
      const { poolPath, restarted, filledVolume, fingerprint } = bench();
      const item = await filledVolume();
      const before = await fingerprint(item);
      await mkdir(join(poolPath, '.stowage/tmp/half/made'), { recursive: true });
      await writeFile(join(poolPath, '.stowage/tmp/half.img'), 'made');
      await restarted().recover([item], signal());
      expect(await readdir(join(poolPath, '.stowage/tmp'))).toEqual([]);
      expect(await fingerprint(item)).toBe(before);
    });

    it('lets writers go on whom a dead process has frozen', async () => {
      const { host, restarted, volume, staged } = bench();
      const item = await volume();
      await staged(item, async (view, mountPoint) => {
        const { ownSuperblock, snapshots } = restarted().features;
        const frozen = ownSuperblock && snapshots !== 'none' && mountPoint !== undefined;
        if (frozen) await host.freezer.freeze(mountPoint, signal());
        await restarted().recover([item], signal());
        if (view.type === 'tree') await writeFile(join(view.path, 'after'), 'written');
      });
    });

    it('lets go of devices whose volume is gone', async () => {
      const { host, poolPath, restarted, volume } = bench();
      const item = await volume();
      const backend = restarted();
      const opened = await backend.open(item, signal());
      await restarted().recover([item], signal());
      expect(await backend.opened(item)).toEqual(opened);
      await restarted().recover([], signal());
      if (['image', 'lvm'].includes(item.layout.backend)) {
        expect(await backend.opened(item)).toBeUndefined();
      }
      const left = (await host.loops.list()).filter((device) =>
        device.backingFile.startsWith(`${poolPath}/volumes/${item.folder}`),
      );
      expect(left).toEqual([]);
      expect(await backend.exists(item)).toBe(true);
    });
  });
}
