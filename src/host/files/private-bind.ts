import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { errnoOf } from '../../errors.ts';
import { removeFolderIfThere } from '../if-there.ts';
import type { Mounts, PerMountFlag } from '../mounts.ts';
import { createMountPlaces } from './mount-places.ts';

/** Bind mounts at places that only this process knows, through which no symbolic link is followed (nosymfollow, Linux 5.10). */
export interface PrivateBinds {
  /** Binds a folder, calls `use` with the bind's path, and takes it away in every case. */
  within<T>(folder: string, flags: readonly PerMountFlag[], use: (path: string) => Promise<T>): Promise<T>;
  /** Takes away those that killed processes left. */
  recover(): Promise<void>;
}

/** @param runFolder where the mount points lie; made if it is missing, the temporary folder where it cannot be */
export function createPrivateBinds(mounts: Pick<Mounts, 'bind' | 'detach'>, runFolder: string): PrivateBinds {
  const places = createMountPlaces('stowage-bind-', async (mountPoint) => {
    await mounts.detach(mountPoint);
    await removeFolderIfThere(mountPoint);
  });
  return {
    async within(folder, flags, use) {
      return places.within(await usable(runFolder), async (mountPoint) => {
        await mounts.bind(folder, mountPoint, ['nosymfollow', ...flags]);
        return await use(mountPoint);
      });
    },

    async recover() {
      for (const parent of [runFolder, tmpdir()]) await places.recover(parent);
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
