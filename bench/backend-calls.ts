import { join } from 'node:path';
import { nullDriver, type PoolConfig, type StartedDriver, start, stowage } from './drivers.ts';
import { type Ground, onEachGround } from './grounds.ts';
import type { BenchOptions, Sizes } from './options.ts';
import { subjectOf } from './ours.ts';
import { CALLS_ALONE, type Results } from './results.ts';
import { alternate, say } from './rounds.ts';

/** Sparse: the volumes of a round, of 300 MiB where they have an XFS of their own. */
const POOL_BYTES = 32 * 1024 ** 3;

/** What keeps a backend from a round of several volumes with snapshots. */
const MISSING: Partial<Record<PoolConfig['backend'], string>> = {
  disk: 'its one disk takes one volume',
  memory: 'it has no snapshots',
};

/** Every call of a volume's life on every backend, or on those that are named, beside the null driver. */
export async function benchBackendCalls(folder: string, { sizes, backends }: BenchOptions): Promise<Results[]> {
  const yardstick = await start(await nullDriver(join(folder, 'null')));
  try {
    const results = await onEachGround(folder, { backends, sizeBytes: POOL_BYTES }, async (_host, ground, ownFolder) =>
      measureCalls(ground, yardstick, ownFolder, sizes),
    );
    return results.flat();
  } finally {
    await yardstick.stop();
  }
}

async function measureCalls(
  { pool, title }: Ground,
  yardstick: StartedDriver,
  folder: string,
  { backendVolumes, rounds }: Sizes,
): Promise<Results[]> {
  const missing = MISSING[pool.backend];
  say(missing === undefined ? `calls: ${title}` : `${title} is left out: ${missing}`);
  if (missing !== undefined) return [];
  const driver = await start(await stowage(join(folder, 'driver'), pool));
  try {
    const measurements = await alternate(
      subjectOf(title, driver, folder, { pool: pool.name }),
      subjectOf('null', yardstick, folder, {}),
      { existingVolumes: 0, inFlight: 1, volumes: backendVolumes, rounds },
    );
    return [{ ...CALLS_ALONE, subject: title, measurements }];
  } finally {
    await driver.stop();
  }
}
