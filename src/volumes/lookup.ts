import { join } from 'node:path';
import { isStowageError, messageOf, StowageError } from '../errors.ts';
import type { Context, ManagedPool } from './context.ts';
import { hashPool, type Kind, parseId } from './ids.ts';
import { awayPool, isMoving, mayBeElsewhere } from './move/whereabouts.ts';
import { type AnyRecord, type GroupRecord, isLive, type SnapshotRecord, type VolumeRecord } from './record.ts';
import type { Shares } from './shares.ts';

interface Records {
  volume: VolumeRecord;
  snapshot: SnapshotRecord;
  group: GroupRecord;
}

export interface Found<R> {
  readonly record: R;
  readonly pool: ManagedPool;
}

/**
 * Finds a live volume, snapshot or group by a request's id, with its pool checked.
 * @returns undefined only if it certainly does not exist (any more), or the id was not made by us
 * @throws 'invalid' for a malformed id, 'unavailable' where its pool is away, 'precondition' for another node's, 'data-loss' for a damaged record
 */
export async function find<K extends Kind>(
  context: Context,
  kind: K,
  id: string,
): Promise<Found<Records[K]> | undefined> {
  const parsed = parseId(id);
  if (parsed.origin === 'foreign' || parsed.kind !== kind) return undefined;
  const record = await decided(context, kind, id);
  if (record !== undefined && record.state !== 'deleting') {
    const pool = poolOf(context, record);
    await pool.check();
    return isLive(record) ? { record, pool } : undefined;
  }
  const damage = context.catalog.damage(id);
  if (damage !== undefined) {
    throw new StowageError(
      'data-loss',
      `the record of ${kind} ${id} in pool ${damage.pool} cannot be read: ${damage.problem}; its data is untouched: restore the record, or see \`stowage gc\``,
    );
  }
  if (record !== undefined) return undefined;
  if (parsed.nodeHash !== context.nodeHash) {
    throw new StowageError(
      'precondition',
      `${kind} ${id} is on another node, not on ${context.nodeId}; ask its own node`,
    );
  }
  if (context.shares !== undefined && !(await isOfManaged(context, parsed.poolHash)))
    return findOnShare(context, context.shares, kind, id, parsed.poolHash);
  return findInPoolsThatAreAway(context, kind, id, parsed.poolHash);
}

/** The same; throws 'not-found' instead of answering undefined. */
export async function need<K extends Kind>(context: Context, kind: K, id: string): Promise<Found<Records[K]>> {
  const found = await find(context, kind, id).catch((error: unknown) => {
    // Another node's is not found here, for whoever needs it here.
    if (isStowageError(error, 'precondition')) throw new StowageError('not-found', error.message, { cause: error });
    throw error;
  });
  if (found === undefined)
    throw new StowageError('not-found', `there is no ${kind} ${JSON.stringify(id)} on node ${context.nodeId}`);
  return found;
}

/** The same, and it must be complete. Throws 'busy' while it is being made. */
export async function needReady<K extends Kind>(context: Context, kind: K, id: string): Promise<Found<Records[K]>> {
  const found = await need(context, kind, id);
  if (found.record.state === 'creating')
    throw new StowageError('busy', `${kind} ${id} is still being made; call again`);
  return found;
}

/** The pool that a record lies in. */
export function poolOf(context: Pick<Context, 'pools'>, record: AnyRecord): ManagedPool {
  const pool = context.pools.get(record.pool);
  if (pool === undefined)
    throw new StowageError('internal', `${record.kind} ${record.id} is in pool ${record.pool}, which is not open`);
  return pool;
}

function get<K extends Kind>(context: Context, kind: K, id: string): Records[K] | undefined;
function get(context: Context, kind: Kind, id: string): AnyRecord | undefined {
  switch (kind) {
    case 'volume': {
      const record = context.catalog.volume(id);
      return record?.ephemeral === undefined ? record : undefined; // those have the caller's ids, not this one
    }
    case 'snapshot':
      return context.catalog.snapshot(id);
    case 'group':
      return context.catalog.group(id);
  }
}

/** The record, once it is known which of two pools has a volume whose move was interrupted. @throws 'unavailable' while the other one is away */
async function decided<K extends Kind>(context: Context, kind: K, id: string): Promise<Records[K] | undefined> {
  const record = get(context, kind, id);
  if (!isMoving(record)) return record;
  await Promise.allSettled([...context.pools.values()].map((pool) => pool.check()));
  const now = get(context, kind, id);
  const away = isMoving(now) ? awayPool(context, now.movedTo) : undefined;
  if (away === undefined) return now;
  throw new StowageError(
    'unavailable',
    `${kind} ${id} was being moved from pool ${record.pool} when that was interrupted, and may be in pool ${away}; bring that back, or say \`stowage pool forget\``,
  );
}

/**
 * True if an id may be in a pool of our own that the NFS driver exports: one that is here has this hash, or one is away, and nothing on the shares has it.
 */
async function isOfManaged({ pools, shares }: Context, poolHash: string): Promise<boolean> {
  if (shares?.ofHash(poolHash) !== undefined) return false;
  const managed = [...pools.values()].filter(({ config }) => config.backend !== 'share');
  const found = await Promise.all(
    managed.map((pool) =>
      pool.check().then(
        ({ uuid }) => hashPool(uuid) === poolHash,
        () => true,
      ),
    ),
  );
  return found.includes(true);
}

/** The table says on which share an id is. Where it does not, the table was lost: the volume may well be there, and that must not be taken for its end. */
async function findOnShare<K extends Kind>(
  context: Context,
  shares: Shares,
  kind: K,
  id: string,
  poolHash: string,
): Promise<Found<Records[K]> | undefined> {
  const pool = shares.ofHash(poolHash);
  if (pool === undefined) {
    throw new StowageError(
      'unavailable',
      `${kind} ${id} is on a share that ${join(context.config.stateDir, 'shares')} does not name: make a volume on that share with the same StorageClass, and its records are found again; or restore the folder`,
    );
  }
  await pool.check();
  const record = get(context, kind, id); // the check may just have loaded it
  return record !== undefined && isLive(record) ? { record, pool } : undefined;
}

/** Nothing is known of this id: that says something only if its pool is here. */
async function findInPoolsThatAreAway<K extends Kind>(
  context: Context,
  kind: K,
  id: string,
  poolHash: string,
): Promise<Found<Records[K]> | undefined> {
  let away: unknown;
  let isHomeHere = false;
  for (const pool of context.pools.values()) {
    try {
      const { uuid } = await pool.check();
      isHomeHere ||= hashPool(uuid) === poolHash;
      const record = get(context, kind, id); // the check may just have loaded it
      if (record !== undefined) return isLive(record) ? { record, pool: poolOf(context, record) } : undefined;
      if (isHomeHere && context.catalog.asides(id).length === 0) return undefined;
    } catch (error) {
      away ??= error;
    }
  }
  const elsewhere = mayBeElsewhere(context, id);
  if (elsewhere !== undefined) {
    throw new StowageError(
      'unavailable',
      `${kind} ${id} was moved, and is in pool ${elsewhere}; bring that back, or say \`stowage pool forget\``,
    );
  }
  if (isHomeHere) return undefined;
  const unconfigured = context.unconfiguredPoolHashes.get(poolHash);
  if (unconfigured !== undefined) {
    throw new StowageError(
      'unavailable',
      `${kind} ${id} is in pool ${unconfigured}, which this node's config does not name any more; add it, or say \`stowage pool forget ${unconfigured}\``,
    );
  }
  // Its pool is none of those that are here: it may be one that is away, and then nobody knows.
  if (away !== undefined) {
    throw new StowageError('unavailable', `${kind} ${id} may be in a pool that is away: ${messageOf(away)}`, {
      cause: away,
    });
  }
  return undefined;
}
