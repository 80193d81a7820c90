import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../src/errors.ts';
import { type DataPathResult, measureDataPath } from './data-path.ts';
import { nullDriver, type PoolConfig, residentBytes, type StartedDriver, start, stowage } from './drivers.ts';
import { findFio } from './fio.ts';
import { measureSnapshots } from './image.ts';
import { interrupt } from './interrupt.ts';
import type { BenchOptions } from './options.ts';
import type { Subject } from './phases.ts';
import type { Pair, Results } from './results.ts';
import { measureRounds, say } from './rounds.ts';
import { measureScale } from './scale.ts';

/** Stowage on a directory pool, then its start, memory, snapshots and scale. */
export async function benchOurs(folder: string, options: BenchOptions): Promise<Results> {
  const { sizes } = options;
  const pool: PoolConfig = { name: 'plain', backend: 'directory', path: join(folder, 'pool'), quota: 'advisory' };
  await mkdir(pool.path);
  const starts = await measureStarts(folder, pool, sizes.starts);
  const ours = await start(await stowage(join(folder, 'stowage'), pool));
  const yardstick = await start(await nullDriver(join(folder, 'null')));
  try {
    const memory = async (): Promise<Pair> => ({
      ours: await residentBytes(ours.process.pid),
      yardstick: await residentBytes(yardstick.process.pid),
    });
    const idleBytes = await memory();
    const { measurements } = await measureRounds(
      subjectOf('stowage', ours, folder, { pool: pool.name }),
      subjectOf('null', yardstick, folder, {}),
      sizes,
    );
    const loadedBytes = { existingVolumes: Math.max(...sizes.existingVolumes), pair: await memory() };
    await ours.stop();
    say(`snapshots and restores of 256 MiB, ${sizes.snapshots} times`);
    const snapshots = await measureSnapshots(join(folder, 'image'), sizes.snapshots);
    say(`${sizes.records} records`);
    const scale = await measureScale(join(folder, 'scale'), sizes.records);
    const dataPath = await dataPathIfPossible(join(folder, 'data-path'), options);
    return { subject: 'stowage', measurements, starts, idleBytes, loadedBytes, ...snapshots, scale, dataPath };
  } finally {
    await ours.stop();
    await yardstick.stop();
  }
}

/** Without fio the rest is worth its time all the same: what is missing is said, and the verdict shows it. */
async function dataPathIfPossible(folder: string, options: BenchOptions): Promise<DataPathResult | undefined> {
  const fio = await findFio().catch((error: unknown) => {
    say(messageOf(error));
    return undefined;
  });
  return fio === undefined ? undefined : measureDataPath(folder, fio, options.sizes.dataPath, options.backends);
}

/** The data path alone. Throws where fio is missing. */
export async function benchDataPath(folder: string, { sizes, backends }: BenchOptions): Promise<DataPathResult> {
  return measureDataPath(folder, await findFio(), sizes.dataPath, backends);
}

/** A driver that we started, for the rounds. */
export function subjectOf(
  name: string,
  driver: StartedDriver,
  folder: string,
  parameters: Readonly<Record<string, string>>,
): Subject {
  return {
    name,
    client: driver.client,
    nodeId: driver.nodeId,
    kubeletFolder: join(folder, 'kubelet', name),
    parameters,
    pid: driver.process.pid,
  };
}

/** Starts both drivers in alternation; ms to the first answered Probe. */
async function measureStarts(folder: string, pool: PoolConfig, times: number): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let round = 0; round < times; round++) {
    interrupt.throwIfAborted();
    say(`start ${round + 1} of ${times}`);
    const firstAnswerMs = async (which: 'ours' | 'null') => {
      const driver = await start(
        which === 'ours' ? await stowage(join(folder, 'start'), pool) : await nullDriver(join(folder, 'start-null')),
      );
      await driver.stop();
      return driver.firstAnswerMs;
    };
    const first = await firstAnswerMs(round % 2 === 0 ? 'ours' : 'null');
    const second = await firstAnswerMs(round % 2 === 0 ? 'null' : 'ours');
    pairs.push(round % 2 === 0 ? { ours: first, yardstick: second } : { ours: second, yardstick: first });
  }
  return pairs;
}
