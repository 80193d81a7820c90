import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import type { Capability } from '../../src/volumes/requests.ts';
import { block, codeOf, MIB, mount, refusal, signal } from '../support/driver.ts';
import { makeDisks } from '../support/pools.ts';
import { makeStaticDriver, type StaticDriver } from './static-setup.ts';

const DISK_BYTES = 320 * MIB;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A driver with a pool of disks, the disks of which are host paths, too. */
async function makeBoth(kind: 'raw' | 'xfs', count: number): Promise<{ driver: StaticDriver; disks: string[] }> {
  const { path, folder, cleanup } = await makeDisks(kind, count, DISK_BYTES);
  cleanups.push(cleanup);
  const disks = (await readdir(folder)).map((name) => join(folder, name));
  const driver = await makeStaticDriver();
  cleanups.push(() => driver.at.cleanup());
  const where = kind === 'raw' ? { devices: disks } : { discovery: folder };
  await driver.at.restart({ hostPaths: disks, pools: [{ name: 'disks', backend: 'disk', path, ...where }] });
  return { driver, disks };
}

function create({ at }: StaticDriver, capability: Capability) {
  return at.create('whole', { capability, sizeBytes: 200 * MIB });
}

it.each<{ kind: 'raw' | 'xfs'; type: string; capability: Capability }>([
  { kind: 'raw', type: 'BlockDevice', capability: block() },
  { kind: 'xfs', type: 'Directory', capability: mount() },
])(
  'a disk that a volume of a disk pool has is refused, and the others are not: $kind',
  async ({ kind, type, capability }) => {
    const { driver, disks } = await makeBoth(kind, 2);
    await create(driver, capability);
    const codes = [];
    for (const [index, path] of disks.entries()) {
      const pv = { id: `pv-${index}`, path, type };
      codes.push(await codeOf(driver.stage(pv, capability)));
      await driver.unstage(pv);
    }
    expect(codes.sort()).toEqual(['ok', 'precondition']);
  },
);

it.each<{ kind: 'raw' | 'xfs'; type: string; capability: Capability }>([
  { kind: 'raw', type: 'BlockDevice', capability: block() },
  { kind: 'xfs', type: 'Directory', capability: mount() },
])(
  'a disk that is staged as a host path, or has data, is not taken by the pool: $kind',
  async ({ kind, type, capability }) => {
    const { driver, disks } = await makeBoth(kind, 1);
    const pv = { id: 'pv', path: disks[0] ?? '', type };
    await driver.stage(pv, capability);
    expect(await refusal(create(driver, capability))).toMatchObject({ code: 'exhausted' });
    const path = await driver.publish(pv, 'pod', { capability });
    await writeFile(kind === 'raw' ? path : join(path, 'file'), 'data');
    await driver.unpublish(pv, 'pod');
    await driver.unstage(pv);
    expect(await refusal(create(driver, capability))).toMatchObject({ code: 'exhausted' });
    expect(await codeOf(driver.stage(pv, capability))).toBe('ok');
    await driver.unstage(pv);
    expect(await driver.at.service.listVolumes({ maxEntries: 0, startingToken: undefined }, signal())).toMatchObject({
      entries: [],
    });
  },
);
