import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { jest } from '@jest/globals';
import type { Item } from '../../src/backends/backend.ts';
import { lvNames } from '../../src/backends/lvm/names.ts';
import { REPORT_TTL_MS } from '../../src/backends/lvm/volume-group.ts';
import { lvmConfig } from '../backends/configs.ts';
import type { Inspect } from '../backends/workbench.ts';
import { makePool, type TestPool } from '../support/pools.ts';
import { logicalVolumes, THIN_POOL, volumeGroupOf } from '../support/volume-groups.ts';

const run = promisify(execFile);

/** A pool with its volume group, its config, and a look behind the backend's back. */
export async function makeLvmPool(type: 'thin' | 'thick', sizeBytes: number, fsType: 'ext4' | 'xfs' = 'ext4') {
  const pool: TestPool = await makePool(`lvm-${type}`, sizeBytes);
  const group = volumeGroupOf(pool.path);
  const thinPool = type === 'thin' ? { thinPool: THIN_POOL } : {};
  const config = lvmConfig(pool.path, group, { fsType, ...thinPool });
  return { ...pool, group, config, inspect: inspectLvm(pool.path) };
}

export function inspectLvm(poolPath: string): Inspect {
  const group = volumeGroupOf(poolPath);
  const only = async (name: string) => (await logicalVolumes(poolPath)).filter((found) => found === name);
  const move = async (from: string, to: string) => {
    await run('lvrename', ['-qq', group, from, to]);
    letTimePass();
  };
  return {
    letTimePass,
    trashed: (item) => only(lvNames(item).trash),
    temporary: (item) => only(lvNames(item).temporary),
    async archived(item) {
      const key = lvNames(item).live.split('_')[1];
      const names = (await logicalVolumes(poolPath)).filter((name) => name.startsWith(`stwa_${key}_`));
      return names.map((name) => `${item.folder}-${name.split('_')[2]}`);
    },
    async hide(item) {
      const { live } = lvNames(item);
      await move(live, 'elsewhere');
      return () => move('elsewhere', live);
    },
    async obstruct(item: Item) {
      await run('lvcreate', ['--yes', '-qq', '-an', '-Zn', '--extents', '1', '--name', lvNames(item).live, group]);
      letTimePass();
    },
  };
}

const now = Date.now.bind(Date);
let aheadMs = 0;

/** Puts the clock forward past what the backend remembers. */
function letTimePass(): void {
  aheadMs += REPORT_TTL_MS + 1;
  jest.spyOn(Date, 'now').mockImplementation(() => now() + aheadMs);
}
