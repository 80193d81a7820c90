import { afterEach, describe, expect, it } from '@jest/globals';
import type { MoveEvent } from '../../src/volumes/move/progress.ts';
import { fill, fingerprint } from '../support/content.ts';
import { block, MIB, makeDriver, mount, signal, type TestDriver } from '../support/driver.ts';
import { makePool, type TestPool } from '../support/pools.ts';
import { logicalVolumes, THIN_POOL, volumeGroupOf } from '../support/volume-groups.ts';

const FOLDERS = { name: 'folders', backend: 'directory', quota: 'advisory' };

let at: TestDriver | undefined;
let group: TestPool | undefined;
afterEach(async () => {
  const [lastDriver, lastGroup] = [at, group];
  at = undefined;
  group = undefined;
  await lastDriver?.cleanup();
  await lastGroup?.cleanup();
});

/** A driver with two pools in one volume group, and one of folders. */
async function makeBench(): Promise<{ driver: TestDriver; path: string }> {
  group = await makePool('lvm-thin', 2048 * MIB);
  at = await makeDriver({ pools: [{ name: 'folders', kind: 'ext4', config: { backend: 'directory' } }] });
  const lvm = { backend: 'lvm', volumeGroup: volumeGroupOf(group.path) };
  const pools = [
    { ...FOLDERS, path: at.poolPath('folders') },
    { ...lvm, name: 'thin', thinPool: THIN_POOL },
    { ...lvm, name: 'thick' },
  ];
  await at.restart({ pools });
  return { driver: at, path: group.path };
}

/** @returns the way that its content took */
async function move(driver: TestDriver, pool: string): Promise<string | undefined> {
  const events: MoveEvent[] = [];
  await driver.driver.move({ volume: 'pvc-1', pool }, (event) => events.push(event), signal());
  await driver.driver.idle();
  return events.flatMap((event) => (event.type === 'copying' ? [event.way] : []))[0];
}

/** Raw block takes the way that the machine's own tests take; LVM's commands take long here. */
const isFull = process.env.STOWAGE_CONFORMANCE === 'full';
const FILES = ['files', mount(), 'folders', ['thin'], 'tree'] as const;
const RAW = ['raw block', block(), 'thin', ['thick'], 'device'] as const;

describe('moving a volume into, within and out of a volume group', () => {
  it.each(isFull ? [FILES, RAW] : [FILES])(
    '%s',
    async (_name, capability, first, pools, way) => {
      const { driver, path } = await makeBench();
      const { id } = await driver.create('pvc-1', { parameters: { pool: first }, capability });
      const use = async <T>(work: Parameters<typeof driver.mounted<T>>[1]) => driver.mounted(id, work, capability);
      const before = await use(async (view) => {
        await fill(view);
        return fingerprint(view);
      });
      for (const pool of pools) {
        expect(await move(driver, pool)).toBe(way);
        expect(await use(fingerprint)).toBe(before);
        const volumes = (await logicalVolumes(path)).filter((name) => name.startsWith('stw'));
        expect(volumes).toHaveLength(1);
      }
      await driver.service.deleteVolume({ volumeId: id }, signal());
      await driver.driver.idle();
      expect((await logicalVolumes(path)).filter((name) => name.startsWith('stw'))).toEqual([]);
    },
    300_000,
  );
});
