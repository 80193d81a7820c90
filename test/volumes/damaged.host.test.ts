import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fill, fingerprint } from '../support/content.ts';
import { block, codeOf, loopsBeneath, MIB, makeDriver, refusal, signal, type TestDriver } from '../support/driver.ts';

let at: TestDriver;
afterEach(() => at.cleanup());

const recordPath = (id: string) => join(at.poolPath(), '.stowage', 'volumes', `${id}.json`);
const filesIn = (folder: string) => readdir(join(at.poolPath(), folder));

describe.each([
  { title: 'image', config: { backend: 'image' } as const },
  { title: 'directory', config: { backend: 'directory', quota: 'advisory' } as const },
])('a damaged record: $title', ({ config }) => {
  let id: string;
  let otherId: string;
  let print: string;

  beforeEach(async () => {
    at = await makeDriver({ pools: [{ name: 'p', kind: 'xfs', config }] });
    id = (await at.create('data')).id;
    otherId = (await at.create('other')).id;
    print = await at.mounted(id, async (view) => {
      await fill(view);
      return fingerprint(view);
    });
  }, 30_000);

  const calls = [
    () => at.service.getVolume({ volumeId: id }, signal()),
    () => at.service.deleteVolume({ volumeId: id }, signal()),
    () => at.stage(id),
    () => at.service.createSnapshot({ name: 's', sourceVolumeId: id }, signal()),
    () => at.create('clone', { source: { kind: 'volume', id } }),
    () =>
      at.service.expandVolume(
        { volumeId: id, size: { requiredBytes: 64 * MIB, limitBytes: undefined }, capability: undefined },
        signal(),
      ),
  ];

  it.each([
    { how: 'empty', change: () => '' },
    { how: 'cut short', change: (text: string) => text.slice(0, text.length / 2) },
    { how: 'of a newer schema', change: (text: string) => text.replace('"schema":1', '"schema":2') },
    { how: 'of another volume', change: (text: string) => text.replaceAll(id, otherId) },
    { how: 'no JSON', change: () => '\0\0\0\0' },
    { how: 'without a field', change: (text: string) => text.replace(/"state":"ready",/, '') },
    {
      how: 'leading out of the pool',
      change: (text: string) => text.replace(/"folder":"[^"]*"/, '"folder":"../../etc"'),
    },
  ])('that is $how is reported; its data stays, and so do the others', async ({ change }) => {
    const whole = await readFile(recordPath(id), 'utf8');
    const damaged = change(whole);
    expect(damaged).not.toBe(whole);
    await writeFile(recordPath(id), damaged);
    const before = await filesIn('volumes');
    for (let round = 0; round < 2; round++) {
      await at.restart();
      for (const call of calls) expect((await refusal(call())).code).toBe('data-loss');
      expect(await codeOf(at.service.getVolume({ volumeId: otherId }, signal()))).toBe('ok');
      expect(await codeOf(at.create(`new-${round}`))).toBe('ok');
      expect(await readFile(recordPath(id), 'utf8')).toBe(damaged);
      expect(await filesIn('volumes')).toEqual(expect.arrayContaining(before));
    }
    await writeFile(recordPath(id), whole);
    await at.restart();
    expect(await at.mounted(id, fingerprint)).toBe(print);
  });

  it('may be missing: nobody touches its data', async () => {
    await rename(recordPath(id), join(at.poolPath(), 'record'));
    const before = await filesIn('volumes');
    await at.restart();
    expect(await codeOf(at.service.deleteVolume({ volumeId: id }, signal()))).toBe('ok');
    await at.driver.idle();
    expect(await filesIn('volumes')).toEqual(before);
    await rename(join(at.poolPath(), 'record'), recordPath(id));
    await at.restart();
    expect(await at.mounted(id, fingerprint)).toBe(print);
  });

  it('of missing data is kept, and the volume said to be abnormal', async () => {
    const [name = ''] = (await filesIn('volumes')).filter((entry) => entry.startsWith('data-'));
    await rename(join(at.poolPath(), 'volumes', name), join(at.poolPath(), 'elsewhere'));
    await at.restart();
    const { condition } = await at.service.getVolume({ volumeId: id }, signal());
    expect(condition.abnormal).toBe(true);
    expect(condition.message).toContain('missing');
    expect(await codeOf(at.stage(id))).toBe('data-loss');
    expect(await codeOf(at.service.createSnapshot({ name: 's', sourceVolumeId: id }, signal()))).toBe('data-loss');
    expect(at.catalog.volume(id)?.state).toBe('ready');
    await rename(join(at.poolPath(), 'elsewhere'), join(at.poolPath(), 'volumes', name));
    expect(await at.mounted(id, fingerprint)).toBe(print);
  });

  it('does not hinder the deletion of a volume whose data is gone', async () => {
    const [name = ''] = (await filesIn('volumes')).filter((entry) => entry.startsWith('data-'));
    await rm(join(at.poolPath(), 'volumes', name), { recursive: true });
    expect(await codeOf(at.service.deleteVolume({ volumeId: id }, signal()))).toBe('ok');
    await at.driver.idle();
    expect(at.catalog.volume(id)).toBeUndefined();
  });
});

it('keeps the device of a raw block volume in use, though its record is damaged', async () => {
  at = await makeDriver({
    pools: [{ name: 'p', kind: 'xfs', config: { backend: 'image' } }],
    capability: block(),
    sizeBytes: 16 * MIB,
  });
  const { id } = await at.create('data');
  await at.stage(id);
  const view = await at.publish(id, 'pod');
  await fill(view);
  const print = await fingerprint(view);
  await writeFile(recordPath(id), '');
  await at.restart();
  expect(await loopsBeneath(at.poolPath())).toHaveLength(1);
  expect(await fingerprint(view)).toBe(print);
});
