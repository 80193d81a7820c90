import { nearest } from '../config/nearest.ts';
import { StowageError } from '../errors.ts';
import { splitFlags } from '../staging/flags.ts';
import type { Context, ManagedPool } from './context.ts';
import type { AccessMode, Capability, OnDelete, Topology } from './requests.ts';

/** True if a volume on this node fits one of these topologies; none means anywhere. */
export function isHere(context: Context, requisite: readonly Topology[]): boolean {
  if (context.shares !== undefined) return true; // any node reaches a share
  return (
    requisite.length === 0 || requisite.some((segments) => segments[context.topologyKey] === context.topologyValue)
  );
}

/** From where a volume made here can be reached, as CSI's topology; a share from anywhere. */
export function topologyOf(context: Context): readonly Topology[] {
  return context.shares === undefined ? [topologyHere(context)] : [];
}

/** This node, as CSI's topology. */
export function topologyHere(context: Context): Topology {
  return { [context.topologyKey]: context.topologyValue };
}

/**
 * The pool of this name, or the only one where none is named.
 * @throws 'exhausted' where this node has no such pool (another may), 'invalid' where the name is left out and there are several
 */
export function choosePool(context: Context, name: string | undefined): ManagedPool {
  const names = [...context.pools.values()].filter(({ config }) => config.backend !== 'share').map((pool) => pool.name);
  if (name === undefined && names.length === 0 && context.shares !== undefined)
    throw new StowageError('invalid', 'parameters: server and share are missing; they say where the volume shall be');
  if (name === undefined && names.length > 1) {
    throw new StowageError(
      'invalid',
      `parameters: pool must be one of ${names.join(', ')}, since node ${context.nodeId} has several`,
    );
  }
  const wanted = name ?? names[0] ?? '';
  const pool = names.includes(wanted) ? context.pools.get(wanted) : undefined;
  if (pool !== undefined) return pool;
  const hint = name === undefined ? undefined : nearest(name, names);
  throw new StowageError(
    'exhausted',
    `node ${context.nodeId} has no pool ${name ?? 'at all'}${hint === undefined ? '' : ` (did you mean ${hint}?)`}; its pools: ${names.join(', ') || 'none'}. Correct the StorageClass's parameter pool, or add the pool to this node`,
  );
}

/** True for the modes by which several nodes have a volume at once. */
export function isOfManyNodes(mode: AccessMode): boolean {
  return mode === 'MULTI_NODE_SINGLE_WRITER' || mode === 'MULTI_NODE_MULTI_WRITER' || mode === 'MULTI_NODE_READER_ONLY';
}

/** Checks that a pool can serve a capability. @throws 'invalid' naming what it cannot do */
export function checkCapability(pool: ManagedPool, capability: Capability): void {
  const { features } = pool.backend;
  const { access, mode } = capability;
  if (!pool.isNetworked && isOfManyNodes(mode)) {
    throw new StowageError(
      'invalid',
      `access_mode ${mode}: pool ${pool.name} is on one node's disks; use a SINGLE_NODE mode`,
    );
  }
  if (access.type === 'block') {
    if (features.block) return;
    throw new StowageError(
      'invalid',
      `pool ${pool.name} (${pool.config.backend}) has no raw block volumes; ask for a file system, or use an image pool`,
    );
  }
  const { superblock } = splitFlags(access.mountFlags);
  if (features.ownSuperblock || pool.isNetworked || superblock.length === 0) return;
  throw new StowageError(
    'invalid',
    `mount_flags ${superblock.join(', ')}: the volumes of pool ${pool.name} (${pool.config.backend}) share one file system, so only per-mount flags (ro, noexec, nosuid, nodev, noatime, ...) are possible`,
  );
}

/** @throws 'out-of-range' for a volume larger than its pool's config allows */
export function checkMaximum(pool: ManagedPool, sizeBytes: number): void {
  const { maxVolumeBytes } = pool.config;
  if (maxVolumeBytes === undefined || sizeBytes <= maxVolumeBytes) return;
  throw new StowageError(
    'out-of-range',
    `${sizeBytes} bytes: pool ${pool.name} allows at most ${maxVolumeBytes} for a volume`,
  );
}

/** @returns what shall happen to the data when the volume is deleted. @throws 'invalid' where the pool could not keep it */
export function checkOnDelete(pool: ManagedPool, onDelete: OnDelete): OnDelete {
  if (onDelete === 'delete' || pool.backend.features.volatile !== true) return onDelete;
  throw new StowageError(
    'invalid',
    `onDelete ${onDelete}: pool ${pool.name} (${pool.config.backend}) keeps nothing, since its volumes go with a restart of the node anyway; use delete`,
  );
}
