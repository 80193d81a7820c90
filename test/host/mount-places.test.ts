import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createMountPlaces } from '../../src/host/files/mount-places.ts';
import { removeFolderIfThere } from '../../src/host/if-there.ts';

let folder: string;
const places = () => createMountPlaces('place-', removeFolderIfThere);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-places-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('places to mount on', () => {
  it('are empty folders of the caller alone, removed in every case', async () => {
    const seen = await Promise.all([1, 2, 3].map(() => places().within(folder, async (path) => path)));
    expect(new Set(seen).size).toBe(3);
    await expect(places().within(folder, () => Promise.reject(new Error('no use')))).rejects.toThrow('no use');
    expect(await readdir(folder)).toEqual([]);
  });

  it('are left alone by recoveries that come at any moment', async () => {
    let working = true;
    const recoveries = [1, 2].map(async () => {
      for (; working; ) await places().recover(folder);
    });
    try {
      const use = async (path: string) => {
        await mkdir(join(path, 'used'));
        await removeFolderIfThere(join(path, 'used'));
      };
      for (let round = 0; round < 100; round++) await Promise.all([1, 2, 3, 4].map(() => places().within(folder, use)));
    } finally {
      working = false;
      await Promise.all(recoveries);
    }
    expect(await readdir(folder)).toEqual([]);
  });

  it('are removed by a recovery where their process is gone, others’ files are not', async () => {
    await mkdir(join(folder, 'place-gone', 'tree'), { recursive: true });
    await mkdir(join(folder, 'place-begun'));
    await writeFile(join(folder, 'other'), '');
    await places().recover(folder);
    expect(await readdir(folder)).toEqual(['other']);
    await places().recover(join(folder, 'missing'));
  });
});
