import { createBackend } from '../backends/registry.ts';
import { holdsVolumes, type PoolConfig } from '../config/schema.ts';
import type { Host } from '../host/host.ts';
import { createPool } from '../pools/pool.ts';
import { createRoom } from '../pools/room.ts';
import type { DomainMetrics } from '../telemetry/metrics.ts';
import type { Context, ManagedPool } from './context.ts';
import { checkExportable } from './exports.ts';
import { createGuard, guardPeriodMs } from './guard.ts';
import { startSettling } from './move/settle.ts';
import { forgetRecords, isToPurge } from './move/tombstones.ts';
import { holdsData, itemOf } from './record.ts';
import { openPool } from './recover.ts';
import { createTrash } from './trash.ts';
import { createTurns } from './turns.ts';

/**
 * Makes a pool of the config, with all that the domain keeps for it. Touches nothing before its first check.
 * @param host the machine as this pool is reached: a share's works in a process of its own
 */
export function managePool(context: Context, config: PoolConfig, host: Host, metrics: DomainMetrics): ManagedPool {
  const { log, catalog } = context;
  const backend = createBackend(config, { host, log, metrics });
  const pool = createPool(config, backend, {
    host,
    stateDir: context.config.stateDir,
    onOpen: async () => {
      if (context.exports !== undefined) await checkExportable(config, host);
      await openPool(context, managed);
      startSettling(context);
    },
  });
  const stored = () => [...catalog.all(config.name)].filter((record) => record.kind !== 'group');
  const items = () => stored().filter(holdsData).map(itemOf);
  const managed: ManagedPool = {
    ...pool,
    host,
    isNetworked: context.config.driver === 'nfs',
    items,
    turns: createTurns(),
    room: createRoom(
      config,
      () => backend.capacity(items()),
      () => catalog.promisedBytes(config.name),
    ),
    trash: createTrash({
      log,
      bytesPerSecond: config.trashBytesPerSecond,
      // A share has one process for calls and trash alike, and no room to promise; elsewhere a disk or memory is waited for.
      callersFirst: config.backend === 'share',
      // What else holds volumes gives them back faster or slower in ways of its own.
      freeBytes: async () => (holdsVolumes(config) ? (await host.files.statfs(config.path)).freeBytes : 0),
      check: () => managed.check(),
      purge: async (record, signal) => {
        if (!isToPurge(context, record)) return;
        await backend.discard(itemOf(record)); // nothing, unless that failed when it was deleted
        await backend.purge(itemOf(record), signal);
      },
      forget: (records) => forgetRecords(context, records),
    }),
    guard: createGuard({
      pool: config.name,
      guard: backend.guard,
      items,
      check: () => managed.check(),
      periodMs: guardPeriodMs(config),
      log,
      metrics,
    }),
  };
  return managed;
}
