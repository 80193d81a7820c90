import { join } from 'node:path';
import { isStowageError, StowageError } from '../../errors.ts';
import type { MountEntry } from '../../host/mounts.ts';
import { isNfs } from '../../host/nfs-mount.ts';
import { NOT_EXPORTED } from '../../nfs/managed/root.ts';
import { removeMountPoint, stagedAt } from '../../staging/stage.ts';
import type { Context } from '../context.ts';
import { lockKey, withLocks } from '../locks.ts';
import type { StageRequest, UnstageRequest } from '../requests.ts';
import { type NfsPlace, readMount } from './place.ts';

/** How long taking a mount away may take: with a dead server, whatever is left of it then is the kernel's. */
const UNMOUNT_TIMEOUT_MS = 8_000;
const STALE_TIMEOUT_MS = 5_000;

/** NodeStageVolume: mounts the volume's folder once, with the options of its StorageClass or PersistentVolume; the kernel's default is `hard`. */
export async function stageNfs(context: Context, request: StageRequest, signal: AbortSignal): Promise<void> {
  const { volumeId } = request;
  const { place, options } = readMount(request);
  await withLocks(context.locks, `NodeStageVolume ${volumeId}`, [lockKey.id(volumeId)], async () => {
    const { host } = context;
    const stagingPath = await host.files.resolveParent(request.stagingPath);
    const target = stagedAt(stagingPath);
    const table = await host.mounts.table();
    const there = table.at(target) ?? table.at(stagingPath);
    if (there !== undefined) {
      if (there.mountPoint !== target || !isMountOf(place, there)) {
        throw new StowageError(
          'already-exists',
          `${there.mountPoint} is the mount point of ${there.source} already, not of ${place.source}; unstage that first`,
        );
      }
      if (!place.isExported || !(await isStale(context, target, signal))) {
        if (place.mode !== undefined) await setMode(context, place, target, signal); // an earlier call may have died before it did
        return;
      }
      context.log.warn({ volumeId, stagingPath }, 'a mount from an earlier attachment is replaced');
      await takeAway(context, target, signal);
    }
    await host.files.makeFolders(target);
    await host.nfs.mount(place.source, target, options, signal).catch((error: unknown) => {
      throw place.isExported ? explained(volumeId, error) : error;
    });
    if (place.isExported) await checkIsVolume(context, place, target, signal);
    if (place.mode !== undefined) await setMode(context, place, target, signal);
  });
}

/** Our own server shows a volume only to the nodes that it is attached to. */
function explained(volumeId: string, error: unknown): unknown {
  if (!isStowageError(error, 'not-found', 'precondition')) return error;
  return new StowageError(
    'precondition',
    `volume ${volumeId} is not exported to this node: call ControllerPublishVolume first, and see that the node's id names the address from which it mounts (${error.message})`,
    { cause: error },
  );
}

/** In a child: the server may not answer. What it refuses (root_squash) is the server's to say, and its volume is usable as it is. */
async function setMode({ host, log }: Context, place: NfsPlace, path: string, signal: AbortSignal): Promise<void> {
  const { exitCode, stderr } = await host.commands.run('chmod', [place.mode ?? '', '--', path], {
    signal,
    exitCodes: [0, 1],
  });
  if (exitCode !== 0)
    log.warn({ source: place.source, mode: place.mode, error: stderr }, 'mountPermissions could not be set');
}

/** NodeUnstageVolume: needs neither a record nor the server. What is dirty is written back while the server answers. */
export async function unstageNfs(context: Context, request: UnstageRequest, signal: AbortSignal): Promise<void> {
  const { volumeId } = request;
  await withLocks(context.locks, `NodeUnstageVolume ${volumeId}`, [lockKey.id(volumeId)], async () => {
    const { host } = context;
    const stagingPath = await host.files.resolveParent(request.stagingPath);
    const target = stagedAt(stagingPath);
    const there = (await host.mounts.table()).at(target);
    if (there !== undefined && !isNfs(there)) return; // whatever is there is not ours
    if (there !== undefined) await takeAway(context, target, signal);
    await removeMountPoint(host, target);
  });
}

async function takeAway({ host }: Context, path: string, signal: AbortSignal): Promise<void> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(UNMOUNT_TIMEOUT_MS)]);
  await host.nfs.unmount(path, { force: false }, inTime);
}

/** The root of our server is mounted instead of the volume where that is exported to other nodes only, and while rpc.mountd does not answer there. */
async function checkIsVolume(context: Context, place: NfsPlace, path: string, signal: AbortSignal): Promise<void> {
  const marker = join(path, NOT_EXPORTED);
  const { exitCode } = await context.host.commands.run('stat', ['--', marker], { signal, exitCodes: [0, 1] });
  if (exitCode === 1) return;
  await takeAway(context, path, signal);
  throw new StowageError(
    'unavailable',
    `${place.source} is not exported to this node: call ControllerPublishVolume first, and see that the node's id names the address from which it mounts; if that is so, nothing answers for the exports on ${place.server}: see that rpc.mountd runs there`,
  );
}

/** True for a mount of ours whose volume was detached from this node since, and attached again. Where the server is silent, it stays. */
async function isStale({ host }: Context, path: string, signal: AbortSignal): Promise<boolean> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(STALE_TIMEOUT_MS)]);
  try {
    const { stderr } = await host.commands.run('stat', ['--file-system', '--', path], {
      signal: inTime,
      exitCodes: [0, 1],
    });
    return stderr.includes('Stale file handle');
  } catch (error) {
    if (signal.aborted || !isStowageError(error, 'timeout')) throw error;
    return false;
  }
}

/** The mount's own name tells it from others: all volumes of a share are one device (nfs(5), sharecache). */
export function isMountOf({ sources }: Pick<NfsPlace, 'sources'>, mount: MountEntry): boolean {
  return isNfs(mount) && sources.includes(mount.source);
}
