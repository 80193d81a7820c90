import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { makePlace, type Place } from '../faults/place.ts';
import { crash, start } from '../faults/running.ts';
import { createVolume } from '../faults/verbs.ts';

let place: Place;
beforeAll(async () => {
  place = await makePlace('share');
});
afterAll(() => place.cleanup());

it("a volume that shall lie where somebody's own folder is, is refused, and the folder stays", async () => {
  const first = await start(place);
  await createVolume(first.csi, { name: 'beside', kind: 'folder' });
  for (const subDir of ['foreign', 'team/foreign']) {
    await mkdir(join(place.pool, subDir), { recursive: true });
    await writeFile(join(place.pool, subDir, 'kept'), 'kept');
    const wanted = { name: 'volume', kind: 'folder', parameters: { subDir } } as const;
    await expect(createVolume(first.csi, wanted)).rejects.toMatchObject({ code: 'already-exists' });
  }
  await first.driver.idle();
  await crash(first);
  const second = await start(place);
  await second.driver.idle();
  await crash(second);
  for (const subDir of ['foreign', 'team/foreign']) expect(await readdir(join(place.pool, subDir))).toEqual(['kept']);
  for (const own of ['trash', 'tmp']) expect(await readdir(join(place.pool, '.stowage', own))).toEqual([]);
});
