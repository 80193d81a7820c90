import { fileSystemProblem } from '../backends/health.ts';
import { raceSignal } from '../backends/signals.ts';
import { holdsVolumes } from '../config/schema.ts';
import { isStowageError, messageOf, StowageError } from '../errors.ts';
import { mountSource } from '../nfs/source.ts';
import type { Context, ManagedPool } from './context.ts';
import { type Found, needReady, poolOf } from './lookup.ts';
import { itemOf, type VolumeRecord } from './record.ts';
import type { Condition } from './service.ts';

/** What has not answered by then is reported as not answering. Longer than what backends wait for by themselves. */
const ANSWER_TIMEOUT_MS = 7_000;

/** What a look at a pool needs of it. */
export type SeenPool = Pick<ManagedPool, 'name' | 'config' | 'backend' | 'room'> & {
  readonly guard: Pick<ManagedPool['guard'], 'problemOf'>;
  /** Throws why it cannot be used now. */
  check(): Promise<unknown>;
};

/** A volume to look at; `away` is why its pool cannot be used now. */
export interface Looked {
  readonly record: VolumeRecord;
  readonly pool: SeenPool;
  readonly away: unknown;
}

/** As needReady finds it, but also where its pool is away and the volume is known from before: then its condition says so, and no call fails. */
export async function findAlsoAway(
  context: Context,
  volumeId: string,
  find: () => Promise<Found<VolumeRecord>> = () => needReady(context, 'volume', volumeId),
): Promise<Looked & Found<VolumeRecord>> {
  try {
    const known = context.catalog.volume(volumeId);
    const pool = known === undefined ? undefined : poolOf(context, known);
    return { ...(await inTime(find(), pool, `the pool of volume ${volumeId}`)), away: undefined };
  } catch (away) {
    const record = context.catalog.volume(volumeId);
    if (record?.state !== 'ready' || !isStowageError(away, 'unavailable')) throw away;
    return { record, pool: poolOf(context, record), away };
  }
}

/** The same for records of the catalog, each as soon as it can be said. Their pools are asked once. */
export function lookAtAll(context: Context, records: readonly VolumeRecord[]): Promise<Looked>[] {
  const asked = new Map<ManagedPool, Promise<unknown>>();
  return records.map(async (record) => {
    const pool = poolOf(context, record);
    const asking = asked.get(pool) ?? whyAway(pool);
    asked.set(pool, asking);
    return { record, pool, away: await asking };
  });
}

/** Why a pool cannot be used now; undefined where it can. */
export async function whyAway(pool: SeenPool): Promise<unknown> {
  try {
    await inTime(pool.check(), pool);
    return undefined;
  } catch (away) {
    return away;
  }
}

/** What is wrong with a volume, in words: with its pool first, then its data, then what its pool's guard found. Answers soon, whatever its disk does. */
export async function conditionOf(context: Pick<Context, 'host'>, looked: Looked): Promise<Condition> {
  try {
    return await inTime(lookCloser(context, looked), looked.pool);
  } catch (error) {
    return { abnormal: true, message: messageOf(error) };
  }
}

async function lookCloser(context: Pick<Context, 'host'>, { pool, record, away }: Looked): Promise<Condition> {
  const below = await poolProblem(context, pool);
  if (away !== undefined) return conditionFrom([messageOf(away), below]);
  if (below !== undefined) return conditionFrom([below]);
  return conditionFrom([await pool.backend.condition(itemOf(record)), pool.guard.problemOf(record.id)]);
}

/** @throws 'unavailable' where the pool does not answer: the kernel lets nobody give up a read of a disk that hangs */
export async function inTime<T>(answer: Promise<T>, pool: SeenPool | undefined, otherwise = ''): Promise<T> {
  const { who, why } = describe(pool, otherwise);
  try {
    return await raceSignal(answer, AbortSignal.timeout(ANSWER_TIMEOUT_MS), who);
  } catch (cause) {
    if (!isStowageError(cause, 'timeout')) throw cause;
    throw new StowageError('unavailable', `${who} has not answered for ${ANSWER_TIMEOUT_MS / 1000} s: ${why}`, {
      cause,
    });
  }
}

/** A pool as people know it: the name of a share's says nothing to them. */
function describe(pool: SeenPool | undefined, otherwise: string) {
  if (pool?.config.backend === 'share')
    return { who: `NFS share ${mountSource(pool.config)}`, why: 'its server is silent, or cannot be reached' };
  const who = pool === undefined ? otherwise : `pool ${pool.name}`;
  return { who, why: 'its disk hangs or is very busy; see the kernel log (dmesg)' };
}

/** Of the file system that the pool's volumes lie on. */
export async function poolProblem(
  { host }: Pick<Context, 'host'>,
  { name, config }: Pick<SeenPool, 'name' | 'config'>,
): Promise<string | undefined> {
  if (!holdsVolumes(config) || config.backend === 'share') return undefined; // a share's own server is asked by its pool's check
  const mount = (await host.mounts.table()).containing(config.path);
  const problem = await fileSystemProblem(host, mount, true);
  return problem && `pool ${name}: ${problem}`;
}

function conditionFrom(problems: readonly (string | undefined)[]): Condition {
  const known = problems.filter((problem) => problem !== undefined);
  return known.length === 0 ? { abnormal: false, message: 'in order' } : { abnormal: true, message: known.join('; ') };
}
