import { errnoOf, messageOf } from '../../errors.ts';
import type { TreeRepair } from '../../host/quota.ts';
import type { Backend, GuardFinding, Item } from '../backend.ts';
import type { BackendLog } from '../log.ts';
import type { DirectoryPool } from './context.ts';
import { isSuspicious, type QuotaSigns, readSigns } from './suspicion.ts';
import { projectOf } from './usage.ts';

/** Signs that turn out to be nothing make it wait so long, then twice as long each time, for the next one. */
const FIRST_QUIET_MS = 60_000;
/** A scan is followed by nine times its own duration without one. */
const REST_TIMES = 9;
/** An owner of files can make as many projects as it has files. */
const PROJECTS_LOGGED_MAX = 20;

/**
 * The owner of a file may change its project id (ioctl_fsgetxattr(2)), and so leave its volume's limit or charge a neighbour's. This looks through the volumes'
 * trees at intervals, and at once where the quotas look as if it had happened, and sets the ids back. What was written beyond the limit is then charged
 * to its volume, which cannot write any more until it has less or is larger.
 */
export function createQuotaGuard(pool: DirectoryPool, log: BackendLog): NonNullable<Backend['guard']> {
  const { settings, host } = pool;
  const intervalMs = settings.quotaScanIntervalMs;
  const found = new Map<string, string>(); // volume id to problem, until a scan finds nothing
  let signs: QuotaSigns | undefined; // after the last scan
  let dueAtMs = 0;
  let restsUntilMs = 0;
  let quietUntilMs = 0;
  let quietMs = FIRST_QUIET_MS;

  async function lookAtSigns(volumes: readonly Item[]): Promise<QuotaSigns | undefined> {
    return readSigns(
      await host.quotas.usages(settings.path),
      new Set(volumes.map(projectOf).filter((id) => id !== undefined)),
    );
  }

  function isDue(now: QuotaSigns | undefined): boolean {
    const nowMs = performance.now();
    if (nowMs < restsUntilMs) return false;
    if (nowMs >= dueAtMs) return true;
    return nowMs >= quietUntilMs && isSuspicious(now, signs);
  }

  async function scan(volumes: readonly Item[], signal: AbortSignal): Promise<Map<string, number>> {
    const escapes = new Map<string, number>();
    const beganAtMs = performance.now();
    for (const item of volumes) {
      const repair = await repairVolume(pool, log, item, signal);
      if (repair === undefined) continue;
      if (typeof repair === 'string') {
        found.set(item.id, repair);
        continue;
      }
      const count = repair.repaired + repair.failed;
      if (count === 0) found.delete(item.id);
      else {
        found.set(item.id, describe(repair));
        escapes.set(item.id, count);
      }
    }
    const endedAtMs = performance.now();
    restsUntilMs = endedAtMs + (endedAtMs - beganAtMs) * REST_TIMES;
    return escapes;
  }

  function plan(wasDue: boolean, foundAny: boolean): void {
    const nowMs = performance.now();
    dueAtMs = nowMs + intervalMs;
    if (foundAny) quietMs = FIRST_QUIET_MS;
    else if (!wasDue) quietMs = Math.min(quietMs * 2, intervalMs);
    quietUntilMs = foundAny ? 0 : nowMs + quietMs;
  }

  return async (items, signal) => {
    if (settings.quota !== 'enforced' || intervalMs === 0) return [];
    const volumes = items.filter((item) => projectOf(item) !== undefined);
    const ids = new Set(volumes.map(({ id }) => id));
    for (const id of found.keys()) if (!ids.has(id)) found.delete(id);
    let escapes: ReadonlyMap<string, number> = new Map();
    if (isDue(await lookAtSigns(volumes))) {
      const wasDue = performance.now() >= dueAtMs;
      escapes = await scan(volumes, signal);
      signs = await lookAtSigns(volumes);
      plan(wasDue, escapes.size > 0);
      if (!wasDue && escapes.size === 0) warnOfUnexplained(log, signs);
    }
    return volumes.flatMap((item): GuardFinding[] => {
      const problem = found.get(item.id);
      return problem === undefined ? [] : [{ item, problem, escapes: escapes.get(item.id) ?? 0 }];
    });
  };
}

/** @returns words where the volume could not be looked through; undefined where it is not there: it is being made or removed */
async function repairVolume(
  { host, places }: DirectoryPool,
  log: BackendLog,
  item: Item,
  signal: AbortSignal,
): Promise<TreeRepair | string | undefined> {
  const projectId = projectOf(item);
  if (projectId === undefined) return undefined;
  try {
    return await places.at(item, (path) => host.quotas.repairTree(path, projectId, signal));
  } catch (error) {
    signal.throwIfAborted();
    if (errnoOf(error) === 'ENOENT') return undefined;
    log.warn(
      { item: item.id, error: messageOf(error) },
      'a volume could not be looked through for files outside its quota',
    );
    return `it could not be looked through for files outside its quota: ${messageOf(error)}`;
  }
}

/** A file that was deleted while a process has it open is in no folder. */
function warnOfUnexplained(log: BackendLog, signs: QuotaSigns | undefined): void {
  log.warn(
    { projects: signs && Object.fromEntries([...signs.unlimited].slice(0, PROJECTS_LOGGED_MAX)) },
    'use appeared that no volume is charged for, and no file of a volume explains it: is something else on this file system, or does a pod hold deleted files open?',
  );
}

function describe({ repaired, failed, example }: TreeRepair): string {
  const at = example?.path === undefined ? '' : `, such as ${JSON.stringify(example.path)}`;
  const to = example?.projectId === undefined ? '' : ` (to project ${example.projectId})`;
  const undone = failed === 0 ? '' : ` ${failed} of them could not be set back: stop the volume's pods.`;
  return `${repaired + failed} of its files and folders had left its quota by another project id${at}${to}; ${repaired} were set back.${undone} A pod that writes to it gets round its size: see the log, and run it in a user namespace (hostUsers: false)`;
}
