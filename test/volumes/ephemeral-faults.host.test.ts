import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type FaultyHost, type How, injectFaults } from '../faults/inject.ts';
import {
  loopsBeneath,
  MIB,
  makeDriver,
  mountPointsBeneath,
  type PoolSetup,
  type TestDriver,
} from '../support/driver.ts';
import { inlineVolume } from './kubelet.ts';

const POOLS: readonly PoolSetup[] = [
  { name: 'mem', kind: 'folder', config: { backend: 'memory', size: 64 * MIB, ephemeral: true } },
  { name: 'dir', kind: 'folder', config: { backend: 'directory', quota: 'advisory', ephemeral: true } },
  { name: 'img', kind: 'xfs', config: { backend: 'image', ephemeral: true } },
];
const HOWS: readonly How[] = ['fail-before', 'fail-after', 'die-before', 'die-after'];
const isFull = process.env.STOWAGE_FAULTS === 'full';
const TIMEOUT_MS = isFull ? 1_800_000 : 300_000;
/** Outside of full runs each change is struck in one way, in turn. */
const firstOf = (how: How) => (isFull ? 0 : HOWS.indexOf(how));
const STEP = isFull ? 1 : HOWS.length;

/** The driver on a host of which a call can be made to fail. */
async function faultyDriver(pool: PoolSetup): Promise<{ at: TestDriver; host: () => FaultyHost }> {
  let faulty: FaultyHost | undefined;
  const at = await makeDriver({
    pools: [pool],
    wrap: (host) => {
      faulty = injectFaults(host);
      return faulty.host;
    },
  });
  return {
    at,
    host: () => {
      if (faulty === undefined) throw new Error('the driver has no host');
      return faulty;
    },
  };
}

/** Makes the nth change of `act` fail, and starts the driver anew where that killed it. @returns false where it had fewer changes */
async function struckAt(
  ordinal: number,
  how: How,
  { at, host }: Awaited<ReturnType<typeof faultyDriver>>,
  act: () => Promise<void>,
): Promise<boolean> {
  const faulty = host();
  faulty.arm({ at: (call) => call.effect === 'changes' && call.ordinal === ordinal, how });
  await act().catch(() => undefined); // it may also succeed: the fault came behind its answer
  const isStruck = faulty.struck() !== undefined;
  faulty.disarm();
  await faulty.settled();
  if (how.startsWith('die') && isStruck) await at.restart();
  return isStruck;
}

async function expectNothingLeft(at: TestDriver): Promise<void> {
  await at.driver.idle();
  expect([...at.catalog.all()]).toEqual([]);
  expect(await readdir(join(at.poolPath(), 'volumes'))).toEqual([]);
  expect(await readdir(join(at.poolPath(), '.stowage/trash'))).toEqual([]);
  expect(await mountPointsBeneath(at.poolPath())).toEqual([]);
  expect(await mountPointsBeneath(at.folder)).toEqual([]);
  expect(await loopsBeneath(at.poolPath())).toEqual([]);
}

describe.each(POOLS)('an inline volume in $name', (pool) => {
  describe.each(HOWS)('where a change %s', (how) => {
    it(
      'is published by the next try',
      async () => {
        const driver = await faultyDriver(pool);
        const { at } = driver;
        try {
          for (let ordinal = firstOf(how), isStruck = true; isStruck; ordinal += STEP) {
            const volume = inlineVolume(at, `pod-${ordinal}`);
            isStruck = await struckAt(ordinal, how, driver, () => volume.publish({ size: '16Mi' }));
            await volume.publish({ size: '16Mi' });
            await writeFile(join(volume.targetPath, 'data'), 'x');
            expect([...at.catalog.all()].filter(({ state }) => state === 'ready')).toHaveLength(1);
            await volume.unpublish();
            await expectNothingLeft(at);
          }
        } finally {
          await at.cleanup();
        }
      },
      TIMEOUT_MS,
    );

    it(
      'is gone after the next unpublish',
      async () => {
        const driver = await faultyDriver(pool);
        const { at } = driver;
        try {
          for (let ordinal = firstOf(how), isStruck = true; isStruck; ordinal += STEP) {
            const volume = inlineVolume(at, `pod-${ordinal}`);
            await volume.publish({ size: '16Mi' });
            isStruck = await struckAt(ordinal, how, driver, async () => {
              await volume.unpublish();
              // A process that died behind its answer never comes to rest.
              await Promise.race([at.driver.idle(), driver.host().strike]);
            });
            await volume.unpublish();
            await expectNothingLeft(at);
          }
        } finally {
          await at.cleanup();
        }
      },
      TIMEOUT_MS,
    );
  });
});
