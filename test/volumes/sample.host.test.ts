import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MIB, makeDriver, signal, type TestDriver } from '../support/driver.ts';

let at: TestDriver;
/** What copies wait for. */
let gate: Promise<void> | undefined;

beforeAll(async () => {
  at = await makeDriver({
    pools: [
      { name: 'disk', kind: 'xfs', config: { backend: 'image' } },
      { name: 'plain', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } },
    ],
    wrap: (host) => ({
      ...host,
      files: {
        ...host.files,
        async copy(...args) {
          await gate;
          return host.files.copy(...args);
        },
      },
    }),
  });
}, 30_000);
afterAll(() => at?.cleanup());

const poolNamed = async (name: string) => (await at.driver.sample()).pools.find((pool) => pool.name === name);

it('counts what the pools hold, promise and have room for', async () => {
  const before = await poolNamed('disk');
  expect(before).toMatchObject({ backend: 'image', isUp: true, promisedBytes: 0, trashItems: 0, copies: 0 });
  expect(before?.freeBytes).toBeLessThanOrEqual(before?.sizeBytes ?? 0);
  const { id } = await at.create('one', { parameters: { pool: 'disk' } });
  await at.create('two', { parameters: { pool: 'plain' } });
  await at.service.createSnapshot({ name: 'snap', sourceVolumeId: id }, signal());
  const { records } = await at.driver.sample();
  expect(records).toEqual(
    expect.arrayContaining([
      { pool: 'disk', kind: 'volume', state: 'ready', count: 1 },
      { pool: 'disk', kind: 'snapshot', state: 'ready', count: 1 },
      { pool: 'plain', kind: 'volume', state: 'ready', count: 1 },
    ]),
  );
  const after = await poolNamed('disk');
  expect(after?.promisedBytes).toBe(at.catalog.promisedBytes('disk'));
  expect(after?.promisedBytes).toBeGreaterThanOrEqual(32 * MIB);
  expect(after?.availableBytes).toBe((before?.availableBytes ?? 0) - (after?.promisedBytes ?? 0));
  expect((await poolNamed('plain'))?.usedBytes).toBeUndefined(); // nobody counts there
});

it('counts the copies that run', async () => {
  const { id } = await at.create('source', { parameters: { pool: 'plain' } });
  let open = () => {};
  gate = new Promise((resolve) => {
    open = resolve;
  });
  const copying = at.create('copy', { source: { kind: 'volume', id } });
  for (let tries = 0; tries < 300 && (await poolNamed('plain'))?.copies !== 1; tries++) await sleep(10);
  expect((await poolNamed('plain'))?.copies).toBe(1);
  expect((await poolNamed('disk'))?.copies).toBe(0);
  open();
  await copying;
  expect((await poolNamed('plain'))?.copies).toBe(0);
});

it('says which pool is away, and when it is back', async () => {
  const path = join(at.poolPath('plain'), '.stowage');
  await rename(path, `${path}.away`);
  try {
    const away = await poolNamed('plain');
    expect(away).toMatchObject({ isUp: false, promisedBytes: at.catalog.promisedBytes('plain') });
    expect(away?.sizeBytes).toBeUndefined();
  } finally {
    await rename(`${path}.away`, path);
  }
  expect((await poolNamed('plain'))?.isUp).toBe(true);
});
