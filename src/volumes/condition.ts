import { fileSystemProblem } from '../backends/health.ts';
import { holdsVolumes } from '../config/schema.ts';
import { isStowageError, messageOf } from '../errors.ts';
import type { Context, ManagedPool } from './context.ts';
import { type Found, needReady, poolOf } from './lookup.ts';
import { itemOf, type VolumeRecord } from './record.ts';
import type { Condition } from './service.ts';

/** A volume to look at; `away` is why its pool cannot be used now. */
export interface Looked extends Found<VolumeRecord> {
  readonly away: unknown;
}

/** As needReady finds it, but also where its pool is away and the volume is known from before: then its condition says so, and no call fails. */
export async function findAlsoAway(
  context: Context,
  volumeId: string,
  find: () => Promise<Found<VolumeRecord>> = () => needReady(context, 'volume', volumeId),
): Promise<Looked> {
  try {
    return { ...(await find()), away: undefined };
  } catch (away) {
    const record = context.catalog.volume(volumeId);
    if (record?.state !== 'ready' || !isStowageError(away, 'unavailable')) throw away;
    return { record, pool: poolOf(context, record), away };
  }
}

/** The same for a record of the catalog. */
export async function look(context: Context, record: VolumeRecord): Promise<Looked> {
  const pool = poolOf(context, record);
  try {
    await pool.check();
    return { record, pool, away: undefined };
  } catch (away) {
    return { record, pool, away };
  }
}

/** What is wrong with a volume, in words: with its pool first, then its data, then what its pool's guard found. */
export async function conditionOf(context: Context, { pool, record, away }: Looked): Promise<Condition> {
  try {
    const below = await poolProblem(context, pool);
    if (away !== undefined) return abnormal([messageOf(away), below]);
    if (below !== undefined) return abnormal([below]);
    return abnormal([await pool.backend.condition(itemOf(record)), pool.guard.problemOf(record.id)]);
  } catch (error) {
    return { abnormal: true, message: messageOf(error) };
  }
}

/** Of the file system that the pool's volumes lie on. */
async function poolProblem({ host }: Context, { name, config }: ManagedPool): Promise<string | undefined> {
  if (!holdsVolumes(config)) return undefined;
  const mount = (await host.mounts.table()).containing(config.path);
  const problem = await fileSystemProblem(host, mount, true);
  return problem && `pool ${name}: ${problem}`;
}

function abnormal(problems: readonly (string | undefined)[]): Condition {
  const known = problems.filter((problem) => problem !== undefined);
  return known.length === 0 ? { abnormal: false, message: 'in order' } : { abnormal: true, message: known.join('; ') };
}
