import type { Context, ManagedPool } from '../context.ts';
import { hashPool } from '../ids.ts';
import type { AnyRecord, VolumeRecord } from '../record.ts';

/** The open pool whose UUID has this hash. Its records are in the catalog. */
export function poolOfHash(context: Context, poolHash: string): ManagedPool | undefined {
  return [...context.pools.values()].find((pool) => {
    const identity = pool.identity();
    return identity !== undefined && hashPool(identity.uuid) === poolHash;
  });
}

/**
 * Words for a pool whose records have not been seen since the start, and which may be the one with this hash; undefined where it is open, or
 * this node does not know it any more (`stowage pool forget`).
 */
export function awayPool(context: Context, poolHash: string): string | undefined {
  if (poolOfHash(context, poolHash) !== undefined) return undefined;
  const unconfigured = context.unconfiguredPoolHashes.get(poolHash);
  if (unconfigured !== undefined) return `${unconfigured}, which this node's config does not name any more`;
  const unseen = [...context.pools.values()].filter((pool) => pool.identity() === undefined).map(({ name }) => name);
  return unseen.length === 0 ? undefined : `${unseen.join(' or ')}, which is away`;
}

/** Words for the pool that is away and may have the volume, as its records in the pools that are here say; undefined where there is none. */
export function mayBeElsewhere(context: Context, volumeId: string): string | undefined {
  for (const { movedFrom, movedTo } of context.catalog.asides(volumeId)) {
    for (const poolHash of [movedTo, movedFrom]) {
      const away = poolHash === undefined ? undefined : awayPool(context, poolHash);
      if (away !== undefined) return away;
    }
  }
  return undefined;
}

/** True for a volume whose move was begun and not ended: it is in the other pool if that one says so. */
export function isMoving(record: AnyRecord | undefined): record is VolumeRecord & { readonly movedTo: string } {
  return record?.kind === 'volume' && record.state === 'ready' && record.movedTo !== undefined;
}

/** True if the volume of these tombstones certainly does not exist any more. */
export function isGone(context: Context, volumeId: string): boolean {
  const { catalog } = context;
  return (
    catalog.volume(volumeId) === undefined &&
    catalog.damage(volumeId) === undefined &&
    catalog.asides(volumeId).every(({ state }) => state === 'departed') &&
    mayBeElsewhere(context, volumeId) === undefined
  );
}
