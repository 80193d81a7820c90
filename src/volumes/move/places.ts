import { join } from 'node:path';
import type { Opened } from '../../backends/backend.ts';
import { messageOf } from '../../errors.ts';
import type { Context } from '../context.ts';

/** How long the last unmount may take, which writes back what is dirty. */
const UNMOUNT_TIMEOUT_MS = 60_000;

const ENDS = ['from', 'to'] as const;
export type EndName = (typeof ENDS)[number];

/** Where a moving volume's file systems are mounted while its files are copied; there as long as either end of it may be open. */
export function moveFolder(context: Context, volumeId: string): string {
  return join(context.config.stateDir, 'move', volumeId);
}

/** Runs `work` while the move's folder is there. What an earlier move left in it is taken away first. */
export async function withMoveFolder<T>(context: Context, volumeId: string, work: () => Promise<T>): Promise<T> {
  const { files } = context.host;
  await files.makeFolder(join(context.config.stateDir, 'move'), 0o700);
  await files.makeFolder(moveFolder(context, volumeId), 0o700);
  await clearMoveFolder(context, volumeId);
  const result = await work().catch(async (error: unknown) => {
    await removeIfEmpty(context, volumeId);
    throw error;
  });
  await files.removeFolder(moveFolder(context, volumeId));
  return result;
}

/** Calls `use` with the folder in which an opened volume's files are: for a device, of a private mount of its file system. */
export async function withFiles<T>(
  context: Context,
  volumeId: string,
  end: EndName,
  opened: Opened,
  signal: AbortSignal,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  if (opened.type === 'folder' || opened.fsType === undefined) return use(opened.path);
  const { files, mounts } = context.host;
  const place = join(moveFolder(context, volumeId), end);
  await files.makeFolder(place, 0o700);
  const options = [...opened.mountOptions, 'nosuid', 'nodev', 'noexec', ...(end === 'from' ? ['ro'] : [])];
  try {
    await mounts.mountDevice(opened.path, place, opened.fsType, options, signal);
    return await use(place);
  } finally {
    await mounts.unmountDevice(place, AbortSignal.timeout(UNMOUNT_TIMEOUT_MS));
    await files.removeFolder(place);
  }
}

/** Unmounts what moves of a dead process had mounted. Before any pool is opened: what is mounted cannot be undone. */
export async function recoverMoveFolders(context: Context): Promise<void> {
  for (const volumeId of await context.host.files.list(join(context.config.stateDir, 'move'))) {
    try {
      await clearMoveFolder(context, volumeId);
    } catch (error) {
      context.log.error(
        { item: volumeId, error: messageOf(error) },
        'what an interrupted move had mounted stays mounted',
      );
    }
  }
}

/** Unmounts what is mounted in a move's folder; nothing where it is not there. */
export async function clearMoveFolder(context: Context, volumeId: string): Promise<void> {
  const { files, mounts } = context.host;
  for (const end of ENDS) {
    const place = join(moveFolder(context, volumeId), end);
    if ((await mounts.table()).at(place) !== undefined)
      await mounts.unmountDevice(place, AbortSignal.timeout(UNMOUNT_TIMEOUT_MS));
    await files.removeFolder(place);
  }
}

async function removeIfEmpty(context: Context, volumeId: string): Promise<void> {
  try {
    await context.host.files.removeFolder(moveFolder(context, volumeId));
  } catch (error) {
    context.log.warn({ item: volumeId, error: messageOf(error) }, 'what a move had open stays until the next start');
  }
}
