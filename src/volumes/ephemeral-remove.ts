import { dirname } from 'node:path';
import { isStowageError, messageOf } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { isMountOf, markOf } from '../staging/mounted.ts';
import { unmountOpened } from '../staging/stage.ts';
import type { Context, ManagedPool } from './context.ts';
import { discard } from './delete.ts';
import { ephemeralKey } from './ephemeral-find.ts';
import { withLocks } from './locks.ts';
import { undo } from './make.ts';
import { itemOf, type VolumeRecord } from './record.ts';

/** How long closing one abandoned volume may take. */
const CLOSE_TIMEOUT_MS = 10_000;

/** Unmounts a target, however often it is mounted, and removes it. Nothing where it is not there. 'busy' where a device's file system is in use. */
export async function unmountTarget(host: Host, targetPath: string, signal: AbortSignal): Promise<void> {
  const { entries } = await host.mounts.table();
  const stacked = entries.filter(({ mountPoint }) => mountPoint === targetPath).length;
  for (let count = 0; count < stacked; count++) await unmountOpened(host, targetPath, signal);
  if ((await host.files.stat(targetPath))?.type === 'folder') await host.files.removeFolder(targetPath);
}

/** Removes an ephemeral volume that is not mounted any more: its data is in the trash when this settles. */
export async function removeEphemeral(
  context: Context,
  pool: ManagedPool,
  record: VolumeRecord,
  signal: AbortSignal,
): Promise<void> {
  if (record.state === 'creating') {
    await undo(context, pool, record);
    return;
  }
  await pool.backend.close(itemOf(record), signal);
  await discard(context, pool, record);
}

/**
 * Removes the ephemeral volumes of a pool whose pod is gone, though nobody unpublished them: not mounted at their target, whose parent, which
 * the kubelet makes and removes with the pod, is gone too. What still has its pod's folder waits for the kubelet, which publishes it
 * again after a restart of the node, or unpublishes it.
 */
export async function removeAbandoned(context: Context, pool: ManagedPool): Promise<void> {
  for (const record of [...context.catalog.all(pool.name)]) {
    if (record.kind !== 'volume' || record.state !== 'ready' || record.ephemeral === undefined) continue;
    const { targetPath } = record.ephemeral;
    try {
      if ((await context.host.files.stat(dirname(targetPath))) !== undefined) continue;
      await withLocks(context.locks, `removing abandoned ${record.name}`, [ephemeralKey(record.name)], async () => {
        const now = context.catalog.volume(record.id);
        if (now?.state !== 'ready' || (await isShownAt(context, pool, now, targetPath))) return;
        await removeEphemeral(context, pool, now, AbortSignal.timeout(CLOSE_TIMEOUT_MS));
        context.log.info(
          { item: record.id, pool: pool.name, targetPath },
          'an ephemeral volume without a pod is removed',
        );
      });
    } catch (error) {
      if (isStowageError(error, 'busy')) continue; // a call on it is under way, or someone holds it: later
      context.log.warn({ item: record.id, error: messageOf(error) }, 'an abandoned ephemeral volume stays for now');
    }
  }
}

/** True if the volume is mounted at its target. */
export async function isShownAt(
  context: Context,
  pool: ManagedPool,
  record: VolumeRecord,
  targetPath: string,
): Promise<boolean> {
  const opened = await pool.backend.opened(itemOf(record));
  const table = await context.host.mounts.table();
  const there = table.at(targetPath);
  return opened !== undefined && there !== undefined && isMountOf(await markOf(context.host, opened, table), there);
}
