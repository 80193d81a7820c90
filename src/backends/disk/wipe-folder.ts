import { join } from 'node:path';
import { errnoOf, StowageError } from '../../errors.ts';
import type { MountEntry } from '../../host/mounts.ts';
import type { Item } from '../backend.ts';
import type { DiskPool } from './context.ts';
import { OWN_FOLDER, TRASH_FOLDER, VOLUME_FOLDER, within } from './marker.ts';

/**
 * Removes the volume's folder from its file system: out of the way by one rename, then for good. Our marker stays, and what others keep there.
 * @throws 'busy' where the volume is mounted somewhere
 */
export async function wipeFolder(pool: DiskPool, item: Item, mount: MountEntry, signal: AbortSignal): Promise<void> {
  const { host } = pool;
  await refuseIfBound(pool, item, mount);
  await within(pool, mount.mountPoint, OWN_FOLDER, (own) => host.files.makeFolder(join(own, TRASH_FOLDER), 0o700));
  await within(pool, mount.mountPoint, join(OWN_FOLDER, TRASH_FOLDER), async (trash) => {
    const gone = join(trash, item.folder);
    await host.files.removeTree(gone, signal); // what an earlier attempt left
    await within(pool, mount.mountPoint, '', async (root) => {
      try {
        await host.files.rename(join(root, VOLUME_FOLDER), gone);
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error;
      }
    });
    await host.files.removeTree(gone, signal);
  });
}

async function refuseIfBound(pool: DiskPool, item: Item, mount: MountEntry): Promise<void> {
  const root = join(mount.root, VOLUME_FOLDER);
  const { entries } = await pool.host.mounts.table();
  const bound = entries.find((entry) => entry.device === mount.device && `${entry.root}/`.startsWith(`${root}/`));
  if (bound === undefined) return;
  throw new StowageError('busy', `volume ${item.id} is still mounted at ${bound.mountPoint}: unpublish and unstage it`);
}
