import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { makePlace, type Place } from './place.ts';
import { crash, start } from './running.ts';
import { SHARE_POOL } from './share.ts';
import { createVolume, deleteVolume } from './verbs.ts';

let place: Place;
beforeAll(async () => {
  place = await makePlace('share');
});
afterAll(() => place.cleanup());

it('a table of shares with damaged entries, and what a killed process was writing, keeps no driver from starting', async () => {
  const table = join(place.work, 'state/shares');
  const entry = `${SHARE_POOL}.json`;
  const other = `share-${'0'.repeat(32)}.json`;
  const first = await start(place);
  const volume = { name: 'volume', kind: 'folder' } as const;
  const volumeId = await createVolume(first.csi, volume);
  await crash(first);
  const written = await readFile(join(table, entry), 'utf8');
  await writeFile(join(table, other), written); // another share's
  await writeFile(join(table, `.${entry}.0123456789ab.tmp`), written.slice(0, 20));
  await writeFile(join(table, entry), written.slice(0, 20));

  const damaged = await start(place);
  expect((await readdir(table)).sort()).toEqual([other, entry].sort());
  await expect(deleteVolume(damaged.csi, volumeId)).rejects.toMatchObject({ code: 'unavailable' });
  // A volume that names the share enters it again.
  expect(await createVolume(damaged.csi, volume)).toBe(volumeId);
  expect(await readFile(join(table, entry), 'utf8')).toBe(written);
  await deleteVolume(damaged.csi, volumeId);
  await crash(damaged);
});
