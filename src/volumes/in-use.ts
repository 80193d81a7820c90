import { StowageError } from '../errors.ts';
import { markOf, mountsOf } from '../staging/mounted.ts';
import type { Context, ManagedPool } from './context.ts';
import { itemOf, type StoredRecord, type VolumeRecord } from './record.ts';

/** Throws 'precondition' while a volume is attached, staged or published on this node, or being copied: its data must stay. */
export async function refuseIfInUse(context: Context, pool: ManagedPool, record: VolumeRecord): Promise<void> {
  const [attachment] = record.attached;
  if (attachment !== undefined) {
    throw new StowageError(
      'precondition',
      `volume ${record.id} is attached to node ${attachment.nodeId}; detach it first`,
    );
  }
  refuseIfCopied(context, record);
  const item = itemOf(record);
  const opened = pool.backend.mountedFrom?.(item) ?? (await pool.backend.opened(item));
  if (opened === undefined) return;
  const table = await context.host.mounts.table();
  const [mount] = mountsOf(await markOf(context.host, opened, table), table);
  if (mount === undefined) return;
  throw new StowageError(
    'precondition',
    `volume ${record.id} is mounted at ${mount.mountPoint}; unpublish and unstage it first`,
  );
}

/** Throws 'precondition' while a copy is being made from a volume or snapshot. */
export function refuseIfCopied(context: Context, record: StoredRecord): void {
  if (!context.catalog.isBeingCopied(record.id)) return;
  throw new StowageError(
    'precondition',
    `${record.kind} ${record.id} is being copied; delete the copy, or wait for it`,
  );
}
