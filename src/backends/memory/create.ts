import { StowageError } from '../../errors.ts';
import type { Item } from '../backend.ts';
import { endIfAborted } from '../signals.ts';
import { type MemoryPool, memoryOf } from './context.ts';
import { limitsFor } from './plan.ts';

/** Of the mount point only: nobody finds a place to write where the tmpfs is missing. */
const MOUNT_POINT_MODE = 0o700;

/** Makes the volume's tmpfs: one mount, which is there complete or not at all. */
export async function createMemory(
  pool: MemoryPool,
  item: Item,
  source: Item | undefined,
  signal: AbortSignal,
): Promise<void> {
  endIfAborted(signal, `making ${item.kind} ${item.id}`);
  const { host, places, settings } = pool;
  if (source !== undefined)
    throw new StowageError('unsupported', `pool ${settings.name} (memory) cannot copy ${source.kind} ${source.id}`);
  if ((await memoryOf(pool, item)) !== undefined) return;
  await places.at(item, async (path) => {
    // Lost with the power, it takes nothing with it: the memory is lost then too.
    await host.files.makeFolder(path, MOUNT_POINT_MODE, 'later');
    await host.mounts.mountMemory(path, limitsFor(item.sizeBytes), settings.folderMode);
  });
}

/** Lets go of the memory; the mount point goes to the trash. 'busy' while it is bound elsewhere, which would keep the memory. */
export async function discardMemory(pool: MemoryPool, item: Item): Promise<void> {
  const { host, places } = pool;
  const own = await memoryOf(pool, item);
  if (own !== undefined) {
    const { entries } = await host.mounts.table();
    const other = entries.find(({ device, id }) => device === own.device && id !== own.id);
    if (other !== undefined) {
      throw new StowageError(
        'busy',
        `volume ${item.id} is still mounted at ${other.mountPoint}: unpublish and unstage it`,
      );
    }
    await places.at(item, (path) => host.mounts.detach(path));
  }
  await places.discard(item);
}
