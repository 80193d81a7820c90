import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Host } from '../../src/host/host.ts';
import type { MoveEvent } from '../../src/volumes/move/progress.ts';
import { MIB, makeDriver, type PoolSetup, signal, type TestDriver } from '../support/driver.ts';

const INTERVAL_MS = 10_000;
const SHORT_MS = 50;
const WRITTEN = 8 * MIB;
const MEMORY: PoolSetup = { name: 'memory', kind: 'folder', config: { backend: 'memory', size: 64 * MIB } };
const TARGETS: readonly PoolSetup[] = [
  { name: 'btrfs', kind: 'btrfs', config: { backend: 'btrfs' } },
  { name: 'small-btrfs', kind: 'btrfs-mixed', config: { backend: 'btrfs' } },
  { name: 'folders', kind: 'xfs', config: { backend: 'directory', quota: 'advisory' } },
  { name: 'images', kind: 'xfs', config: { backend: 'image' } },
];

let at: TestDriver | undefined;
afterEach(async () => {
  jest.restoreAllMocks();
  await at?.cleanup();
  at = undefined;
});

/** Reports come often. */
function hurry(): void {
  const setInterval = globalThis.setInterval;
  jest
    .spyOn(globalThis, 'setInterval')
    .mockImplementation((work, ms) => setInterval(work, ms === INTERVAL_MS ? SHORT_MS : ms));
}

describe('the progress of a move', () => {
  it.each(TARGETS)('counts what is in memory yet, into $name', async (target) => {
    hurry();
    let settle = () => undefined;
    const isTold = new Promise<void>((resolve) => {
      settle = () => void resolve();
    });
    const copySlowly = (host: Host): Host => ({
      ...host,
      files: {
        ...host.files,
        copy: async (from, to, ended) => {
          await writeFile(join(to, 'first'), Buffer.alloc(WRITTEN, 'x'));
          await isTold;
          await rm(join(to, 'first'));
          return host.files.copy(from, to, ended);
        },
      },
    });
    at = await makeDriver({ pools: [MEMORY, target], wrap: copySlowly });
    const { id } = await at.create('pvc-1', { sizeBytes: 32 * MIB, parameters: { pool: 'memory' } });
    const told: number[] = [];
    const report = (event: MoveEvent) => {
      if (event.type === 'progress' && event.bytes !== undefined) told.push(event.bytes);
      if ((told.at(-1) ?? 0) >= WRITTEN) settle();
    };
    await at.driver.move({ volume: id, pool: target.name }, report, signal());
    expect(Math.max(...told)).toBeGreaterThanOrEqual(WRITTEN);
    expect(Math.max(...told)).toBeLessThan(2 * WRITTEN);
  });
});
