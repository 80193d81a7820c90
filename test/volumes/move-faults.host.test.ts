import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { createHost } from '../../src/host/system.ts';
import { describeError } from '../faults/every-call.ts';
import { type Call, type FaultyHost, type How, injectFaults } from '../faults/inject.ts';
import type { View } from '../support/content.ts';
import {
  block,
  loopsBeneath,
  makeDriver,
  mount,
  mountPointsBeneath,
  type PoolSetup,
  signal,
  type TestDriver,
} from '../support/driver.ts';

const run = promisify(execFile);
const isFull = process.env.STOWAGE_FAULTS === 'full';
const TIMEOUT_MS = isFull ? 1_800_000 : 300_000;

const FOLDERS: PoolSetup = { name: 'folders', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } };
const IMAGES: PoolSetup = { name: 'images', kind: 'xfs', config: { backend: 'image' } };
const OTHERS: PoolSetup = { name: 'others', kind: 'ext4', config: { backend: 'image' } };

let at: TestDriver | undefined;
let faulty: FaultyHost | undefined;
/** A folder of its own for private mounts: no two running processes may share one. */
const runFolder = join(tmpdir(), `stowage-move-${process.pid}`);
const realHost = createHost(runFolder);
afterAll(() => rm(runFolder, { recursive: true, force: true }));
afterEach(async () => {
  const last = at;
  at = undefined;
  await last?.cleanup();
});

/** A move that is tried with a fault at each of its calls to the host. */
interface Trial {
  readonly from: PoolSetup;
  readonly to: PoolSetup;
  readonly isBlock: boolean;
  /** Where not all calls are struck: one in seven of those that change something, from which on. */
  readonly firstStruck: number;
  /** The volume has been in the target before, and left a tombstone there. */
  readonly isBack: boolean;
}

async function content(view: View): Promise<string> {
  if (view.type === 'device') return (await run('sh', ['-c', 'head -c 8192 "$1" | sha256sum', 'sh', view.path])).stdout;
  return (
    await run('sh', [
      '-c',
      'cd "$1" && find . -name lost+found -prune -o -type f -exec sha256sum {} +',
      'sh',
      view.path,
    ])
  ).stdout;
}

async function write(view: View): Promise<void> {
  if (view.type === 'device')
    await run('dd', ['if=/dev/urandom', `of=${view.path}`, 'bs=4096', 'count=2', 'conv=fsync']);
  else
    await run('sh', ['-c', 'cd "$1" && mkdir -p a && head -c 9000 /dev/urandom > a/b && sync -f a/b', 'sh', view.path]);
}

function bench(): { driver: TestDriver; host: FaultyHost } {
  if (at === undefined || faulty === undefined) throw new Error('there is no driver');
  return { driver: at, host: faulty };
}

/** All that a volume leaves in a pool. */
async function traces(pool: string): Promise<string[]> {
  const folders = ['volumes', '.stowage/volumes', '.stowage/trash', '.stowage/tmp'];
  const found = folders.map(async (folder) => {
    const names = await readdir(join(bench().driver.poolPath(pool), folder));
    return names.map((name) => join(folder, name));
  });
  return (await Promise.all(found)).flat();
}

/** The volume is whole, in the pool that its record says. @returns which that is */
async function checkWhole(id: string, { isBlock }: Trial, expected: string): Promise<string> {
  const { driver } = bench();
  await driver.driver.idle();
  const record = driver.catalog.volume(id);
  expect(record?.state).toBe('ready');
  expect(await driver.mounted(id, content, isBlock ? block() : mount())).toBe(expected);
  return record?.pool ?? '';
}

/** Nothing is left of a move but the volume, and a tombstone at most in the other pool. */
async function checkSettled(id: string, { from, to }: Trial): Promise<void> {
  const { driver } = bench();
  const record = driver.catalog.volume(id);
  const here = record?.pool ?? '';
  const other = here === from.name ? to.name : from.name;
  expect([record?.movedFrom, record?.movedTo]).toEqual([undefined, undefined]);
  expect([driver.catalog.promisedBytes(other), driver.catalog.promisedBytes(here)]).toEqual([0, record?.reservedBytes]);
  expect((await traces(other)).filter((path) => path !== `.stowage/volumes/${id}.json`)).toEqual([]);
  expect((await traces(here)).length).toEqual(2);
}

async function checkNothingOpen(): Promise<void> {
  const { driver } = bench();
  expect(await mountPointsBeneath(join(driver.folder, 'state'))).toEqual([]);
  expect(await readdir(join(driver.folder, 'state', 'move')).catch(() => [])).toEqual([]);
  for (const { name } of driver.config.pools) expect(await loopsBeneath(driver.poolPath(name))).toEqual([]);
}

async function moveTo(volume: string, pool: string) {
  const moved = await bench().driver.driver.move({ volume, pool }, () => undefined, signal());
  await bench().driver.driver.idle();
  return moved;
}

/** @returns the call that was struck, undefined where the move makes no such call; and all calls of the move */
async function tryMove(
  trial: Trial,
  index: number,
  how: How,
): Promise<{ readonly struck: Call | undefined; readonly calls: readonly Call[] }> {
  const { driver } = bench();
  const { id } = await driver.create('vol', {
    parameters: { pool: trial.isBack ? trial.to.name : trial.from.name },
    capability: trial.isBlock ? block() : mount(),
  });
  const expected = await driver.mounted(
    id,
    async (view) => {
      await write(view);
      return content(view);
    },
    trial.isBlock ? block() : mount(),
  );
  if (trial.isBack) await moveTo(id, trial.from.name);

  const { host } = bench();
  host.arm({ at: (call) => call.index === index, how });
  const outcome = await driver.driver
    .move({ volume: id, pool: trial.to.name }, () => undefined, signal())
    .then(
      () => 'moved',
      () => 'failed',
    );
  await Promise.race([driver.driver.idle(), host.strike]);
  const tried = { struck: host.struck(), calls: [...host.calls()] };
  host.disarm();
  if (how.startsWith('die')) {
    host.cutOff();
    await driver.stop();
    await host.settled();
    await driver.restart();
    await driver.driver.idle();
    await checkSettled(id, trial);
    await checkNothingOpen();
  }
  const here = await checkWhole(id, trial, expected);
  if (outcome === 'moved') expect(here).toBe(trial.to.name);
  const again = await moveTo('vol', trial.to.name);
  expect(again.wasThere).toBe(here === trial.to.name);
  if (!again.wasThere) expect(await checkWhole(id, trial, expected)).toBe(trial.to.name);
  await checkSettled(id, trial);
  if (how.startsWith('fail')) await driver.restart();
  await driver.service.deleteVolume({ volumeId: id }, signal());
  await driver.driver.idle();
  expect([await traces(trial.from.name), await traces(trial.to.name)]).toEqual([[], []]);
  await checkNothingOpen();
  return tried;
}

/** Of the calls that only look each so many is struck, where not all are. */
const LOOKS_EACH = 40;
const CHANGES_EACH = 7; // no multiple of the variants, so that all are met
const VARIANTS: readonly How[] = ['fail-before', 'die-before', 'fail-after', 'die-after'];

/**
 * How to strike this call. In full every way; else one, in turn, as what fails in the tries of one call is found in those of its neighbours, too.
 * A call that only looks can do no more than fail: dying at it is dying after the last change before.
 */
function variantsOf(call: Call | undefined, { firstStruck }: Trial): readonly How[] {
  if (call === undefined) return ['fail-before'];
  const { effect, ordinal } = call;
  if (effect !== 'changes') return isFull || ordinal % LOOKS_EACH === 0 ? ['fail-before'] : [];
  if (isFull) return VARIANTS;
  if (ordinal % CHANGES_EACH !== firstStruck) return [];
  return VARIANTS.filter((_, variant) => variant === ordinal % VARIANTS.length);
}

async function failuresOf(trial: Trial): Promise<string[]> {
  const { calls } = await tryMove(trial, -1, 'fail-before'); // strikes none
  expect(calls.length).toBeGreaterThan(20);
  for (let index = 0; ; index++) {
    for (const how of variantsOf(calls[index], trial)) {
      try {
        const { struck } = await tryMove(trial, index, how);
        if (struck === undefined && index >= calls.length) return [];
      } catch (error) {
        return [`${how} call ${index}, ${bench().host.struck()?.method ?? 'none'}: ${describeError(error)}`];
      }
    }
  }
}

describe('any call of a move may fail, or be the last', () => {
  it.each<[string, Trial]>([
    ['folder to image', { from: FOLDERS, to: IMAGES, isBlock: false, isBack: false, firstStruck: 0 }],
    ['image back to folder', { from: IMAGES, to: FOLDERS, isBlock: false, isBack: true, firstStruck: 1 }],
    ['raw block', { from: IMAGES, to: OTHERS, isBlock: true, isBack: false, firstStruck: 2 }],
  ])(
    '%s',
    async (_name, trial) => {
      at = await makeDriver({
        pools: [trial.from, trial.to],
        wrap: () => {
          faulty = injectFaults(realHost);
          return faulty.host;
        },
      });
      expect(await failuresOf(trial)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
