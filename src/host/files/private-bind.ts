import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoOf, StowageError } from '../../errors.ts';
import { namesIn, removeFolderIfThere } from '../if-there.ts';
import type { Mounts, PerMountFlag } from '../mounts.ts';
import { type HeldLock, lockFolder } from './lock.ts';

const PREFIX = 'stowage-bind-';
const MOUNT_NAME = 'tree';
const CLAIM_TRIES = 5;

/** Bind mounts at places that only this process knows, through which no symbolic link is followed (nosymfollow, Linux 5.10). */
export interface PrivateBinds {
  /** Binds a folder, calls `use` with the bind's path, and takes it away in every case. */
  within<T>(folder: string, flags: readonly PerMountFlag[], use: (path: string) => Promise<T>): Promise<T>;
  /** Takes away those that killed processes left. */
  recover(): Promise<void>;
}

/** @param runFolder where the mount points lie; made if it is missing, the temporary folder where it cannot be */
export function createPrivateBinds(mounts: Pick<Mounts, 'bind' | 'detach'>, runFolder: string): PrivateBinds {
  async function remove(place: string): Promise<void> {
    const mountPoint = join(place, MOUNT_NAME);
    await mounts.detach(mountPoint);
    await removeFolderIfThere(mountPoint);
    await removeFolderIfThere(place);
  }

  async function recoverOne(place: string): Promise<void> {
    const held = await lockFolder(place);
    if (held === undefined) return; // its process lives
    try {
      await remove(place);
    } finally {
      await held.release();
    }
  }

  /** Makes a place and locks it; anew where another process's recovery took it in between. */
  async function claim(folder: string, triesLeft = CLAIM_TRIES): Promise<{ place: string; held: HeldLock }> {
    const place = await mkdtemp(join(folder, PREFIX));
    try {
      const held = await lockFolder(place);
      if (held !== undefined) return { place, held };
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || triesLeft <= 1) throw error;
    }
    if (triesLeft <= 1)
      throw new StowageError('busy', `${folder}: another process takes each private mount's folder away; call again`);
    return claim(folder, triesLeft - 1);
  }

  return {
    async within(folder, flags, use) {
      const { place, held } = await claim(await usable(runFolder));
      try {
        await mkdir(join(place, MOUNT_NAME), 0o700);
        await mounts.bind(folder, join(place, MOUNT_NAME), ['nosymfollow', ...flags]);
        return await use(join(place, MOUNT_NAME));
      } finally {
        try {
          await remove(place);
        } finally {
          await held.release();
        }
      }
    },

    async recover() {
      for (const parent of [runFolder, tmpdir()]) {
        for (const name of await namesIn(parent)) if (name.startsWith(PREFIX)) await recoverOne(join(parent, name));
      }
    },
  };
}

async function usable(runFolder: string): Promise<string> {
  try {
    await mkdir(runFolder, { recursive: true, mode: 0o700 });
    return runFolder;
  } catch (error) {
    if (['ENOENT', 'EROFS', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return tmpdir();
    throw error;
  }
}
