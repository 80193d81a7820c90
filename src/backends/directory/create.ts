import { StowageError } from '../../errors.ts';
import type { Host } from '../../host/host.ts';
import type { Item } from '../backend.ts';
import { directoryLayout } from '../layout.ts';
import type { Places } from '../places.ts';
import { explainFull } from '../room.ts';
import type { DirectoryPool } from './context.ts';
import { projectOf } from './usage.ts';

/**
 * Makes the item's folder, empty or as a copy of the source; see Backend.create. The limits are set before the first byte is copied.
 * Copies of a folder in use are consistent for each file only.
 */
export async function createFolder(
  { settings, host, places, isJournaled }: DirectoryPool,
  item: Item,
  source: Item | undefined,
  signal: AbortSignal,
): Promise<void> {
  const projectId = projectOf(item);
  const durability = (await isJournaled()) ? 'later' : 'now';
  if (source === undefined && projectId === undefined) {
    // Made in one step with its mode, so it is complete where it lies and needs no temporary place.
    await places.at(item, (path) => host.files.makeFolder(path, settings.folderMode, durability));
    return;
  }
  if (await isFolder(host, places, item)) return;
  await places.build(
    item,
    async (path) => {
      await host.files.makeFolder(path, settings.folderMode, durability);
      if (projectId !== undefined) await limit(host, path, item, projectId);
      if (source !== undefined) await copyContent(host, places, source, item, path, signal);
    },
    signal,
  );
}

/** True if the item's folder is there; it is complete then. */
export async function isFolder(host: Host, places: Places, item: Item): Promise<boolean> {
  const found = await places.at(item, (path) => host.files.stat(path));
  return found?.type === 'folder';
}

/**
 * XFS holds everyone to the limit. ext4 lets processes with CAP_SYS_RESOURCE pass (privileged pods), and nothing here can
 * change that.
 */
async function limit(host: Host, path: string, item: Item, projectId: number): Promise<void> {
  await host.quotas.setProject(path, projectId);
  const limitInodes = directoryLayout(item).inodeLimit;
  await host.quotas.setLimits(path, projectId, { limitBytes: item.sizeBytes, limitInodes });
}

async function copyContent(
  host: Host,
  places: Places,
  source: Item,
  item: Item,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  if (!(await isFolder(host, places, source))) {
    throw new StowageError('data-loss', `${source.kind} ${source.id}: its folder ${places.path(source)} is missing`);
  }
  try {
    await places.at(source, (from) => host.files.copy(from, path, signal));
  } catch (error) {
    throw explainFull(error, `copying ${source.kind} ${source.id} to ${item.kind} ${item.id}`);
  }
}
