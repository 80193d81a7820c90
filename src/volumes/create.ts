import { isStowageError, StowageError } from '../errors.ts';
import { checkCapability, checkOnDelete, choosePool, isHere, topologyOf } from './choose.ts';
import type { Context, ManagedPool } from './context.ts';
import { waitFor } from './jobs.ts';
import { lockKey, withLocks } from './locks.ts';
import { type Found, needReady, poolOf } from './lookup.ts';
import { asExhausted, copying, makeBytes, sourceItem } from './make.ts';
import { beginVolume } from './new-volume.ts';
import { applyOptions, mergeOptions, optionsOf } from './options.ts';
import { itemOf, type StoredRecord, type VolumeRecord } from './record.ts';
import { notHere, ofThisNode } from './refusal.ts';
import type { CreateVolumeRequest } from './requests.ts';
import { checkSame } from './same.ts';
import type { VolumeInfo } from './service.ts';
import { accessOf, wishOf } from './wish.ts';

/** A call waits this long for its copy, then answers ABORTED; the copy goes on and the retry joins it. Below the provisioner's 15 s. */
const COPY_WAIT_MS = 8_000;

/** CreateVolume: the volume of that name, made if need be, as a copy of a source where one is named. Idempotent by name. */
export async function createVolume(
  context: Context,
  request: CreateVolumeRequest,
  signal: AbortSignal,
): Promise<VolumeInfo> {
  const keys = [lockKey.name('volume', request.name)];
  if (request.source !== undefined) keys.push(lockKey.id(request.source.id));
  return withLocks(context.locks, `CreateVolume ${request.name}`, keys, async () => {
    const known = context.catalog.byName('volume', request.name);
    if (known !== undefined) {
      checkSame(known, request);
      await poolOf(context, known).check();
    }
    const record = known ?? (await begin(context, request));
    if (record.state === 'creating') await finish(context, record, signal);
    const ready = context.catalog.volume(record.id);
    if (ready?.state !== 'ready')
      throw new StowageError('internal', `volume ${record.id} is not there after its creation`);
    return volumeInfo(context, ready);
  });
}

/** What CSI says of a volume. */
export function volumeInfo(context: Context, record: VolumeRecord): VolumeInfo {
  return {
    id: record.id,
    sizeBytes: record.sizeBytes,
    context: contextOf(context, record),
    topology: topologyOf(context),
    source: record.source,
  };
}

/** What nodes are told of a volume, by its volume_context. */
function contextOf(context: Context, record: VolumeRecord): Readonly<Record<string, string>> {
  const { config } = poolOf(context, record);
  if (config.backend !== 'share' || record.layout.backend !== 'share')
    return context.exports?.contextOf(record) ?? { pool: record.pool };
  return { server: config.server, share: config.share, subDir: record.layout.subDir };
}

/** The share that is named, or the pool; that of the source where neither is. */
async function poolFor(
  context: Context,
  { parameters }: CreateVolumeRequest,
  source: Found<StoredRecord> | undefined,
): Promise<ManagedPool> {
  if (context.shares !== undefined && parameters.share !== undefined)
    return context.shares.open(parameters.share.source, parameters.share.options);
  return choosePool(context, parameters.pool ?? source?.pool.name);
}

/** The first steps, up to a durable record: where, how large, and is there room. */
async function begin(context: Context, request: CreateVolumeRequest): Promise<VolumeRecord> {
  if (!isHere(context, request.requisite)) throw notHere(context, request);
  const source = request.source === undefined ? undefined : await findSource(context, request.source);
  const pool = await poolFor(context, request, source);
  await pool.check().catch((error: unknown) => Promise.reject(ofThisNode(context, asExhausted(pool, error))));
  // A pool that came back just now has brought its records.
  const late = context.catalog.byName('volume', request.name);
  if (late !== undefined) {
    checkSame(late, request);
    return late;
  }
  checkSource(pool, source);
  const options = optionsOf({ ...request.parameters, ...request.mutableParameters });
  if (options !== undefined) mergeOptions(pool, undefined, options);
  for (const capability of request.capabilities) checkCapability(pool, capability);
  const given = {
    name: request.name,
    access: accessOf(request).type,
    onDelete: checkOnDelete(pool, request.mutableParameters.onDelete ?? request.parameters.onDelete ?? 'delete'),
    ...(request.source === undefined ? {} : { source: request.source }),
    ...(options === undefined ? {} : { options }),
  };
  return beginVolume(context, pool, given, wishOf(context, request, source)).catch((error: unknown) =>
    Promise.reject(ofThisNode(context, error)),
  );
}

/** Makes the bytes: an empty volume within the call, a copy as a job that outlives it. */
async function finish(context: Context, record: VolumeRecord, signal: AbortSignal): Promise<void> {
  const pool = poolOf(context, record);
  if (record.source === undefined) {
    await makeBytes(context, pool, record, async () => {
      await pool.backend.create(itemOf(record), undefined, signal);
      await applyOptions(pool, record, record.options, signal);
    });
    return;
  }
  const done = startCopy(context, pool, record);
  if (await waitFor(done, COPY_WAIT_MS, signal)) return;
  throw new StowageError(
    'busy',
    `volume ${record.name} is still being copied from ${record.source.id}; call again to wait for it`,
  );
}

/** Starts, or joins, the job that fills a volume from its source. */
export function startCopy(context: Context, pool: ManagedPool, record: VolumeRecord): Promise<void> {
  return context.jobs.start(record.id, async (jobSignal) => {
    await copying(context, pool, `volume ${record.name}`, record.source === undefined ? [] : [record.source.id], () =>
      makeBytes(context, pool, record, async () => {
        await pool.backend.create(itemOf(record), sourceItem(context, record), jobSignal);
        await applyOptions(pool, record, record.options, jobSignal);
      }),
    );
  });
}

async function findSource(
  context: Context,
  source: { kind: 'volume' | 'snapshot'; id: string },
): Promise<Found<StoredRecord>> {
  try {
    return await (source.kind === 'volume'
      ? needReady(context, 'volume', source.id)
      : needReady(context, 'snapshot', source.id));
  } catch (error) {
    // On another node it exists: the scheduler shall choose that one.
    if (isStowageError(error, 'not-found') && isStowageError(error.cause, 'precondition'))
      throw new StowageError('exhausted', error.message, { cause: error });
    throw error;
  }
}

function checkSource(pool: ManagedPool, source: Found<StoredRecord> | undefined): void {
  if (source === undefined) return;
  if (source.pool.name !== pool.name) {
    throw new StowageError(
      'invalid',
      `source ${source.record.id} is in pool ${source.pool.name}, and copies stay within their pool; ask for pool ${source.pool.name}`,
    );
  }
  const { features } = pool.backend;
  const can = source.record.kind === 'volume' ? features.clones : features.snapshots;
  if (can === 'none')
    throw new StowageError('invalid', `pool ${pool.name} (${pool.config.backend}) cannot copy a ${source.record.kind}`);
}
