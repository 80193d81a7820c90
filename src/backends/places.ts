import { join } from 'node:path';
import { errnoOf } from '../errors.ts';
import type { Files } from '../host/files.ts';
import type { Item } from './backend.ts';
import type { BackendLog } from './log.ts';
import { CLEANUP_TIMEOUT_MS, removeEntry, removeHalfMade } from './remove.ts';
import { endIfAborted } from './signals.ts';

/** The folders of a pool in which data lies. The pools module makes them, mode 0700. */
export type PlaceName = 'volumes' | 'snapshots' | 'archive' | '.stowage/trash' | '.stowage/tmp';

/** Where the items of one pool lie, and the moves between those places. */
export interface Places {
  /** The item's path for messages and mounts. For changes use `at`. */
  path(item: Item): string;
  /** Calls `use` with a path of the item that no renamed or replaced folder can lead astray; valid until `use` settles. */
  at<T>(item: Item, use: (path: string) => Promise<T>): Promise<T>;
  /**
   * Lets `make` make the item at a temporary path, then renames it to its place: it is there complete or not at all.
   * What an earlier attempt left is removed first, what a failed `make` leaves afterwards.
   */
  build(item: Item, make: (temporaryPath: string) => Promise<void>, signal: AbortSignal): Promise<void>;
  /** Takes back an item that `build` has just made, since another of the same call failed. Failures are logged: the next start removes it. */
  undo(item: Item): Promise<void>;
  /** Renames the item into the trash; nothing where it is not there. */
  discard(item: Item): Promise<void>;
  /** Renames the item into the archive, with the time behind its name; nothing where it is not there. */
  archive(item: Item, at: Date): Promise<void>;
  /** Removes the item from the trash and the temporary folder; nothing where it is not there. */
  purge(item: Item, signal: AbortSignal): Promise<void>;
  /** Removes all temporary entries. Only while nothing is being built. */
  emptyTemporary(signal: AbortSignal): Promise<void>;
}

/**
 * @param suffix ends the names of all items: `.img` where they are files, `.disk` where they are claims on disks
 * @param deps.isJournaled see Backend.isJournaled: what is built is then as durable as the record that is written after it
 */
export function createPlaces(
  poolPath: string,
  suffix: '' | '.img' | '.disk',
  deps: {
    files: Files;
    log: BackendLog;
    removeFolder?: (path: string, signal: AbortSignal) => Promise<void>;
    isJournaled?: () => Promise<boolean>;
  },
): Places {
  const { files, log, removeFolder, isJournaled } = deps;
  const name = (item: Item) => item.folder + suffix;

  async function within<T>(place: PlaceName, use: (folder: string) => Promise<T>): Promise<T> {
    const handle = await files.openFolder(poolPath, place);
    try {
      return await use(handle.path);
    } finally {
      await handle.close();
    }
  }

  /** The record says durably that the item goes: a start after a crash moves it again. */
  function move(item: Item, to: PlaceName, toName: string): Promise<void> {
    return within(placeOf(item), (source) =>
      within(to, async (target) => {
        try {
          await files.rename(join(source, name(item)), join(target, toName), 'later');
        } catch (error) {
          if (errnoOf(error) !== 'ENOENT') throw error;
        }
      }),
    );
  }

  async function remove(path: string, signal: AbortSignal): Promise<void> {
    if (removeFolder !== undefined && (await files.stat(path))?.type === 'folder') await removeFolder(path, signal);
    else await removeEntry(files, path, signal);
  }

  /** Moves an item that is done with, over what an earlier attempt at it may have left there. */
  async function moveAway(item: Item, to: PlaceName): Promise<void> {
    try {
      await move(item, to, name(item));
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      await within(to, (folder) => remove(join(folder, name(item)), AbortSignal.timeout(CLEANUP_TIMEOUT_MS)));
      await move(item, to, name(item));
    }
  }

  return {
    path: (item) => join(poolPath, placeOf(item), name(item)),
    at: (item, use) => within(placeOf(item), (folder) => use(join(folder, name(item)))),
    build: (item, make, signal) =>
      within('.stowage/tmp', async (temporary) => {
        const path = join(temporary, name(item));
        await remove(path, signal);
        try {
          await make(path);
          endIfAborted(signal, `making ${item.kind} ${item.id}`);
          const durability = (await isJournaled?.()) ? 'later' : 'now';
          await within(placeOf(item), (folder) => files.rename(path, join(folder, name(item)), durability));
        } catch (error) {
          await removeHalfMade(remove, log, path, item);
          throw error;
        }
      }),
    undo: async (item) => {
      await moveAway(item, '.stowage/tmp');
      await within('.stowage/tmp', (folder) => removeHalfMade(remove, log, join(folder, name(item)), item));
    },
    discard: (item) => moveAway(item, '.stowage/trash'),
    archive: (item, at) => move(item, 'archive', `${item.folder}-${compactTime(at)}${suffix}`),
    purge: async (item, signal) => {
      await within('.stowage/tmp', (folder) => remove(join(folder, name(item)), signal));
      await within('.stowage/trash', (folder) => remove(join(folder, name(item)), signal));
    },
    emptyTemporary: (signal) =>
      within('.stowage/tmp', async (folder) => {
        for (const entry of await files.list(folder)) await remove(join(folder, entry), signal);
      }),
  };
}

function placeOf(item: Item): PlaceName {
  return item.kind === 'volume' ? 'volumes' : 'snapshots';
}

/** 2026-11-21T08:00:00.000Z -> 20261121T080000Z */
export function compactTime(at: Date): string {
  return at.toISOString().replace(/[-:]|\.\d+/g, '');
}
