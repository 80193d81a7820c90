import { stuckChildren } from '../host/command.ts';
import type { DriverSample, PoolSample, RecordCount } from '../telemetry/sample.ts';
import type { Context, ManagedPool } from './context.ts';
import type { NfsStats } from './nfs/stats.ts';
import { overviewOfPool, type PoolOverview } from './overview.ts';
import type { AnyRecord } from './record.ts';

/**
 * What the driver shows of itself, looked at anew at each call. A pool that does not answer is asked once, however often that is; shares are not
 * asked, since each question would mount them.
 */
export function createSampler(context: Context, nfs: NfsStats): () => Promise<DriverSample> {
  const asking = new Map<ManagedPool, Promise<PoolOverview>>();

  function ask(pool: ManagedPool): Promise<PoolOverview> {
    const known = asking.get(pool);
    if (known !== undefined) return known;
    const answer = overviewOfPool(context, pool).finally(() => asking.delete(pool));
    asking.set(pool, answer);
    return answer;
  }

  async function sampleOf(pool: ManagedPool, copies: number): Promise<PoolSample> {
    const { name, config, trash } = pool;
    const known = { name, backend: config.backend, trashItems: trash.length(), copies };
    if (config.backend === 'share') return { ...known, promisedBytes: context.catalog.promisedBytes(name) };
    const { problem, ...numbers } = await ask(pool);
    return { ...known, ...numbers, isUp: problem === undefined };
  }

  return async () => {
    const records = [...context.catalog.all()];
    const running = records.filter(({ state, id }) => state === 'creating' && context.jobs.running(id) !== undefined);
    const copiesIn = (name: string) => running.filter(({ pool }) => pool === name).length;
    const [pools, table] = await Promise.all([
      Promise.all([...context.pools.values()].map((pool) => sampleOf(pool, copiesIn(pool.name)))),
      context.host.mounts.table(),
    ]);
    return {
      pools,
      records: countsOf(records),
      stuckMounts: nfs.silent(table).length,
      stuckProcesses: stuckChildren(),
    };
  };
}

function countsOf(records: readonly AnyRecord[]): RecordCount[] {
  const counts = new Map<string, RecordCount>();
  for (const { pool, kind, state } of records) {
    if (kind === 'group') continue;
    const key = `${pool} ${kind} ${state}`;
    counts.set(key, { pool, kind, state, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}
