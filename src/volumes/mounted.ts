import { errnoOf, isStowageError, StowageError } from '../errors.ts';
import type { MountEntry } from '../host/mounts.ts';
import { isMountOf, markOf } from '../staging/mounted.ts';
import { stagedAt } from '../staging/stage.ts';
import { conditionOf, findAlsoAway } from './condition.ts';
import type { Context } from './context.ts';
import { findEphemeral } from './ephemeral-find.ts';
import { expandRecord } from './expand.ts';
import { parseId } from './ids.ts';
import { keysOfUse, withLocks } from './locks.ts';
import { type Found, needReady } from './lookup.ts';
import { itemOf, type VolumeRecord } from './record.ts';
import type { NodeExpandRequest, StatsRequest } from './requests.ts';
import type { Stats } from './service.ts';
import { refuseGrowth, staticStats } from './static/describe.ts';

/** NodeGetVolumeStats: the volume's own numbers, never those of its pool. */
export async function stats(context: Context, request: StatsRequest, signal: AbortSignal): Promise<Stats> {
  if (parseId(request.volumeId).origin === 'foreign') {
    const found = await staticStats(context, request, signal);
    if (found !== undefined) return found;
  }
  const ephemeral = await findEphemeral(context, request.volumeId);
  const found =
    ephemeral === undefined ? await findAlsoAway(context, request.volumeId) : { ...ephemeral, away: undefined };
  const condition = await conditionOf(context, found);
  try {
    const { pool, record, mount } = await findMounted(context, found, request);
    const mountPoint = record.access === 'mount' ? mount.mountPoint : undefined;
    return { usage: await pool.backend.usage(itemOf(record), mountPoint, signal), condition };
  } catch (error) {
    // What is damaged cannot say how full it is; what is wrong with it is then the answer.
    if (!condition.abnormal || !isOfDamage(error)) throw error;
    const path = await context.host.files.resolveParent(request.volumePath);
    if ((await context.host.mounts.table()).at(path) === undefined) throw error;
    return { usage: undefined, condition };
  }
}

function isOfDamage(error: unknown): boolean {
  return errnoOf(error) !== undefined || isStowageError(error, 'not-found', 'unavailable', 'data-loss');
}

/** NodeExpandVolume: all of the expansion where the controller has no part in it, and then the file system. */
export async function expandOnNode(context: Context, request: NodeExpandRequest, signal: AbortSignal): Promise<number> {
  if (parseId(request.volumeId).origin === 'foreign') await refuseGrowth(context, request.volumeId);
  return withLocks(context.locks, `NodeExpandVolume ${request.volumeId}`, keysOfUse(request.volumeId), async () => {
    const found = await needReady(context, 'volume', request.volumeId);
    const { pool, record, mount } = await findMounted(context, found, request);
    const larger = await expandRecord(context, pool, record, request.size, signal);
    await pool.backend.grow(itemOf(larger), larger.access === 'mount' ? mount.mountPoint : undefined, signal);
    return larger.sizeBytes;
  });
}

/** The volume, and its mount at a path that it was staged or published at. @throws 'not-found' where it is not mounted there */
async function findMounted(
  context: Context,
  found: Found<VolumeRecord>,
  { volumeId, volumePath }: Pick<StatsRequest, 'volumeId' | 'volumePath'>,
): Promise<Found<VolumeRecord> & { readonly mount: MountEntry }> {
  const path = await context.host.files.resolveParent(volumePath);
  const opened = await found.pool.backend.opened(itemOf(found.record));
  const table = await context.host.mounts.table();
  if (opened !== undefined) {
    const mark = await markOf(context.host, opened, table);
    for (const candidate of [path, stagedAt(path)]) {
      const mount = table.at(candidate);
      if (mount !== undefined && isMountOf(mark, mount)) return { ...found, mount };
    }
  }
  throw new StowageError(
    'not-found',
    `volume ${volumeId} is not mounted at ${volumePath}; stage or publish it there first`,
  );
}
