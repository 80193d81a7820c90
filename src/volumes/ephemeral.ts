import { isStowageError, messageOf, StowageError } from '../errors.ts';
import { splitFlags } from '../staging/flags.ts';
import { isMountOf, markOf } from '../staging/mounted.ts';
import { hasFlags } from '../staging/publish.ts';
import { mountOpened } from '../staging/stage.ts';
import { checkCapability } from './choose.ts';
import type { Context, ManagedPool } from './context.ts';
import { ephemeralKey, ephemeralName } from './ephemeral-find.ts';
import { chooseEphemeralPool } from './ephemeral-pool.ts';
import { isShownAt, removeAbandoned, removeEphemeral, unmountTarget } from './ephemeral-remove.ts';
import { parseId } from './ids.ts';
import { withLocks } from './locks.ts';
import { poolOf } from './lookup.ts';
import { makeBytes } from './make.ts';
import { beginVolume } from './new-volume.ts';
import { flagsOf } from './publish-flags.ts';
import { itemOf, type VolumeRecord } from './record.ts';
import type { EphemeralWish, PublishRequest, UnpublishRequest } from './requests.ts';

/** How long taking back what could not be published may take, after its call has ended. */
const UNDO_TIMEOUT_MS = 10_000;

/**
 * NodePublishVolume of an inline volume: makes it, and mounts it at the target at once. It lives as its pod does; a publish after a restart
 * of the node finds what is on disk, as with emptyDir, and makes anew what was in memory.
 */
export async function publishEphemeral(
  context: Context,
  request: PublishRequest,
  wish: EphemeralWish,
  signal: AbortSignal,
): Promise<void> {
  checkRequest(request);
  const name = ephemeralName(request.volumeId);
  await withLocks(context.locks, `NodePublishVolume ${request.volumeId}`, [ephemeralKey(name)], async () => {
    const targetPath = await context.host.files.resolveParent(request.targetPath);
    const known = context.catalog.ephemeral(name);
    const pool = known === undefined ? chooseEphemeralPool(context, wish) : poolOf(context, known);
    await pool.check();
    checkCapability(pool, request.capability);
    const found = context.catalog.ephemeral(name); // the pool may have come back just now, with its records
    if (found !== undefined) checkSame(found, request, targetPath);
    const record = found ?? (await begin(context, pool, request, wish, { name, targetPath }));
    if (record.state === 'creating')
      await makeBytes(context, pool, record, () => pool.backend.create(itemOf(record), undefined, signal));
    try {
      await mountAt(context, pool, record, request, targetPath, signal);
    } catch (error) {
      // The kubelet need not unpublish what it was told had failed. One that was there before has data.
      if (record.state === 'creating') await takeBack(context, pool, record, targetPath);
      throw error;
    }
  });
}

/**
 * NodeUnpublishVolume of an inline volume: it is gone when its pod is. Where its pool is away only the mount is undone, so that the pod can
 * end; the rest is removed when the pool is opened again.
 */
export async function unpublishEphemeral(
  context: Context,
  request: UnpublishRequest,
  signal: AbortSignal,
): Promise<void> {
  const name = ephemeralName(request.volumeId);
  await withLocks(context.locks, `NodeUnpublishVolume ${request.volumeId}`, [ephemeralKey(name)], async () => {
    const targetPath = await context.host.files.resolveParent(request.targetPath);
    const record = context.catalog.ephemeral(name);
    if (record !== undefined && record.ephemeral?.targetPath !== targetPath) return; // it was never published there
    await unmountTarget(context.host, targetPath, signal);
    if (record === undefined) return;
    const pool = poolOf(context, record);
    try {
      await pool.check();
      await removeEphemeral(context, pool, record, signal);
    } catch (error) {
      if (!isStowageError(error, 'unavailable')) throw error;
      context.log.warn(
        { item: record.id, pool: pool.name, error: messageOf(error) },
        'an ephemeral volume is unmounted, and removed when its pool is back',
      );
    }
  });
}

function checkRequest(request: PublishRequest): void {
  if (parseId(request.volumeId).origin !== 'foreign')
    throw new StowageError('invalid', `volume_id ${request.volumeId} is of a volume that is not ephemeral`);
  if (request.stagingPath !== undefined)
    throw new StowageError('invalid', 'staging_target_path: an inline ephemeral volume is not staged; leave it out');
  if (request.capability.access.type === 'block')
    throw new StowageError('invalid', 'volume_capability: an inline ephemeral volume cannot be a raw block device');
}

async function begin(
  context: Context,
  pool: ManagedPool,
  { capability: { access } }: PublishRequest,
  wish: EphemeralWish,
  { name, targetPath }: { readonly name: string; readonly targetPath: string },
): Promise<VolumeRecord> {
  await removeAbandoned(context, pool);
  return beginVolume(
    context,
    pool,
    { name, access: 'mount', onDelete: 'delete', ephemeral: { targetPath } },
    {
      requiredBytes: wish.sizeBytes ?? 0,
      limitBytes: pool.config.maxVolumeBytes,
      access: { type: 'mount', fsType: access.type === 'mount' ? access.fsType : undefined },
      source: undefined,
    },
  );
}

function checkSame(record: VolumeRecord, request: PublishRequest, targetPath: string): void {
  const before = record.ephemeral?.targetPath;
  if (before === targetPath) return;
  throw new StowageError(
    'precondition',
    `volume ${request.volumeId} is an ephemeral one of ${before}, and cannot be published at ${targetPath} as well`,
  );
}

async function mountAt(
  context: Context,
  { backend }: ManagedPool,
  record: VolumeRecord,
  request: PublishRequest,
  targetPath: string,
  signal: AbortSignal,
): Promise<void> {
  const { host } = context;
  const { access } = request.capability;
  const item = itemOf(record);
  // Lost with the last restart of the node; its pod begins anew.
  if (backend.features.volatile === true && !(await backend.exists(item)))
    await backend.create(item, undefined, signal);
  const opened = await backend.open(item, signal);
  const flags = flagsOf(request);
  const superblock = access.type === 'mount' ? splitFlags(access.mountFlags).superblock : [];
  if (await mountOpened(host, opened, targetPath, [...superblock, ...flags], signal)) return;
  const table = await host.mounts.table();
  const there = table.at(targetPath);
  if (there !== undefined && isMountOf(await markOf(host, opened, table), there) && hasFlags(there, flags)) return;
  throw new StowageError(
    'already-exists',
    `volume ${request.volumeId} is published at ${targetPath} with other flags; unpublish it first`,
  );
}

async function takeBack(context: Context, pool: ManagedPool, record: VolumeRecord, targetPath: string): Promise<void> {
  const signal = AbortSignal.timeout(UNDO_TIMEOUT_MS);
  try {
    if (await isShownAt(context, pool, record, targetPath)) await unmountTarget(context.host, targetPath, signal);
    const now = context.catalog.volume(record.id);
    if (now !== undefined) await removeEphemeral(context, pool, now, signal);
  } catch (error) {
    context.log.warn(
      { item: record.id, error: messageOf(error) },
      'an ephemeral volume that could not be published stays until it is unpublished or its pod is gone',
    );
  }
}
