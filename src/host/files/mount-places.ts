import { mkdir, mkdtemp, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, StowageError } from '../../errors.ts';
import { namesIn, removeFolderIfThere, unlessMissing } from '../if-there.ts';
import { type HeldLock, lockFolder } from './lock.ts';

const MOUNT_NAME = 'tree';
const CLAIM_TRIES = 5;

/** Folders to mount on that one call has for itself, each locked (flock) while it is used, so that those of killed processes are known. */
export interface MountPlaces {
  /**
   * Makes an empty folder to mount on beneath `folder`, as mountinfo names it, calls `use` with it, and clears and removes it in every case.
   * @throws StowageError 'busy' where other processes' recoveries take it away each time
   */
  within<T>(folder: string, use: (mountPoint: string) => Promise<T>): Promise<T>;
  /** Clears and removes those in `folder` whose processes are gone. */
  recover(folder: string): Promise<void>;
}

interface Place {
  readonly path: string;
  readonly mountPoint: string;
  readonly held: HeldLock;
}

/**
 * @param prefix that of the places' names, which tells them from others' files
 * @param clear unmounts all that is mounted at a mount point, and removes it; nothing where it is missing
 */
export function createMountPlaces(prefix: string, clear: (mountPoint: string) => Promise<void>): MountPlaces {
  /** Makes a place and locks it; undefined where another process's recovery came in between. */
  async function tryToClaim(folder: string): Promise<Place | undefined> {
    const path = await mkdtemp(join(await realpath(folder), prefix));
    const held = await lockIfThere(path);
    if (held === undefined) return undefined;
    try {
      const mountPoint = join(path, MOUNT_NAME);
      await mkdir(mountPoint, 0o700);
      return { path, mountPoint, held };
    } catch (error) {
      await held.release();
      if (errnoOf(error) === 'ENOENT') return undefined; // locked too late: it was removed already
      throw error;
    }
  }

  async function claim(folder: string): Promise<Place> {
    for (let tries = 1; tries <= CLAIM_TRIES; tries++) {
      const place = await tryToClaim(folder);
      if (place !== undefined) return place;
    }
    throw new StowageError('busy', `${folder}: another process takes each folder for a mount away; call again`);
  }

  async function remove(path: string, mountPoint: string): Promise<void> {
    await clear(mountPoint);
    await removeFolderIfThere(path);
  }

  async function recoverOne(path: string): Promise<void> {
    const held = await lockIfThere(path);
    if (held === undefined) return; // its process lives, or has removed it
    try {
      await remove(path, join(path, MOUNT_NAME));
    } finally {
      await held.release();
    }
  }

  return {
    async within(folder, use) {
      const { path, mountPoint, held } = await claim(folder);
      try {
        return await use(mountPoint);
      } finally {
        try {
          await remove(path, mountPoint);
        } finally {
          await held.release();
        }
      }
    },

    async recover(folder) {
      for (const name of await namesIn(folder)) {
        if (name.startsWith(prefix)) await recoverOne(join(await realpath(folder), name));
      }
    },
  };
}

function lockIfThere(path: string): Promise<HeldLock | undefined> {
  return unlessMissing(() => lockFolder(path), undefined);
}
