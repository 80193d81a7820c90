import type { Opened } from '../backends/backend.ts';
import { isStowageError, StowageError } from '../errors.ts';
import { isMountOf, markOf, mountsOf } from '../staging/mounted.ts';
import { stagedAt, stage as stageMount, unstage as unstageMount } from '../staging/stage.ts';
import { checkCapability } from './choose.ts';
import type { Context, ManagedPool } from './context.ts';
import { checkFits } from './describe.ts';
import { parseId } from './ids.ts';
import { keysOfUse, withLocks } from './locks.ts';
import { find, needReady } from './lookup.ts';
import { itemOf, type VolumeRecord } from './record.ts';
import type { StageRequest, UnstageRequest } from './requests.ts';
import { isStatic } from './static/host-path.ts';
import { stageStatic, unstageStatic } from './static/stage.ts';

/** How long closing what could not be staged may take. */
const CLOSE_TIMEOUT_MS = 10_000;

/** NodeStageVolume: opens the volume (a loop device is made anew after a reboot), mounts it beneath the staging path, and grows its file system where a larger size waits. */
export async function stage(context: Context, request: StageRequest, signal: AbortSignal): Promise<void> {
  if (isStatic(request.volumeId, request.volumeContext)) return stageStatic(context, request, signal);
  await withLocks(context.locks, `NodeStageVolume ${request.volumeId}`, keysOfUse(request.volumeId), async () => {
    const { record, pool } = await needReady(context, 'volume', request.volumeId);
    const { access } = request.capability;
    checkFits(record, access.type);
    checkCapability(pool, request.capability);
    const stagingPath = await context.host.files.resolveParent(request.stagingPath);
    const item = itemOf(record);
    const opened = await pool.backend.open(item, signal);
    let isNew = false;
    try {
      checkFsType(record, opened, access.type === 'mount' ? access.fsType : undefined);
      const flags = access.type === 'mount' ? access.mountFlags : [];
      isNew = await stageMount(context.host, opened, stagingPath, flags, signal);
      if (record.access === 'mount') await pool.backend.grow(item, stagedAt(stagingPath), signal);
    } catch (error) {
      if (isNew) await unstageMount(context.host, stagingPath, AbortSignal.timeout(CLOSE_TIMEOUT_MS));
      await closeUnlessMounted(context, pool, record, opened);
      throw error;
    }
  });
}

/** NodeUnstageVolume. What is not staged is fine, also a volume that does not exist any more. */
export async function unstage(context: Context, request: UnstageRequest, signal: AbortSignal): Promise<void> {
  const { volumeId } = request;
  if (parseId(volumeId).origin === 'foreign') return unstageStatic(context, request, signal);
  await withLocks(context.locks, `NodeUnstageVolume ${volumeId}`, keysOfUse(request.volumeId), async () => {
    const stagingPath = await context.host.files.resolveParent(request.stagingPath);
    const found = await findIfKnown(context, volumeId);
    const opened = await found?.pool.backend.opened(itemOf(found.record));
    if (opened !== undefined) await refuseIfPublished(context, volumeId, opened, stagedAt(stagingPath));
    if (opened === undefined || !(await holdsAnother(context, opened, stagingPath))) {
      await unstageMount(context.host, stagingPath, signal);
    }
    await found?.pool.backend.close(itemOf(found.record), signal);
  });
}

/** Unmounting needs no record: a pool that is away, or a record that cannot be read, must not keep a pod from ending. */
async function findIfKnown(context: Context, volumeId: string) {
  try {
    return await find(context, 'volume', volumeId);
  } catch (error) {
    if (!isStowageError(error, 'unavailable', 'data-loss', 'precondition')) throw error;
    context.log.warn(
      { volumeId, reason: error.message },
      'unstaging a volume that cannot be looked up: only its mount is undone',
    );
    return undefined;
  }
}

/** True where something else than this volume is staged at the path. */
async function holdsAnother(context: Context, opened: Opened, stagingPath: string): Promise<boolean> {
  const table = await context.host.mounts.table();
  const mount = table.at(stagedAt(stagingPath));
  return mount !== undefined && !isMountOf(await markOf(context.host, opened, table), mount);
}

async function refuseIfPublished(
  context: Context,
  volumeId: string,
  opened: Opened,
  stagedPath: string,
): Promise<void> {
  const table = await context.host.mounts.table();
  const [mount] = mountsOf(await markOf(context.host, opened, table), table).filter(
    ({ mountPoint }) => mountPoint !== stagedPath,
  );
  if (mount === undefined) return;
  throw new StowageError(
    'precondition',
    `volume ${volumeId} is still published at ${mount.mountPoint}; unpublish it first`,
  );
}

async function closeUnlessMounted(
  context: Context,
  pool: ManagedPool,
  record: VolumeRecord,
  opened: Opened,
): Promise<void> {
  const table = await context.host.mounts.table();
  const isMounted = mountsOf(await markOf(context.host, opened, table), table).length > 0;
  if (!isMounted) await pool.backend.close(itemOf(record), AbortSignal.timeout(CLOSE_TIMEOUT_MS));
}

function checkFsType(record: VolumeRecord, opened: Opened, fsType: string | undefined): void {
  if (fsType === undefined || opened.type === 'folder' || opened.fsType === undefined || opened.fsType === fsType)
    return;
  throw new StowageError('precondition', `volume ${record.id} has file system ${opened.fsType}, not ${fsType}`);
}
