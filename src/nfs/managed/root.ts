import { join } from 'node:path';
import type { Host } from '../../host/host.ts';

/**
 * In the folder that a volume is bound on, and so hidden by it. A client that mounts a volume which is exported to others only, or while nothing answers for the exports (seen with rpc.mountd gone for 30 s),
 * gets that folder instead, and its mount succeeds: NodeStageVolume looks for this name.
 */
export const NOT_EXPORTED = '.stowage-not-exported';

/** Room for the folders that volumes are bound on, and nothing else. */
const LIMITS = { sizeBytes: 1024 ** 2, inodes: 400_000 };

/**
 * The root of what NFS 4 clients see: an empty file system of ours, with a folder for each pool and in it one for each exported volume, which is bound there. A client sees of
 * the root only the names; what is in a volume only where that is exported to it.
 */
export interface ExportRoot {
  readonly path: string;
  /** Where a volume's folder is, exported or not. */
  pathOf(pool: string, folder: string): string;
  /** Mounts it unless it is mounted. */
  mount(): Promise<void>;
  /** Binds a volume's folder in it, unless one is bound there. */
  bind(pool: string, folder: string, source: string): Promise<void>;
  /** Nothing where it is not bound. */
  unbind(pool: string, folder: string): Promise<void>;
  /** The folders of a pool that are bound. */
  bound(pool: string): Promise<string[]>;
}

/** @param path as mountinfo names it */
export function createExportRoot(path: string, { files, mounts }: Pick<Host, 'files' | 'mounts'>): ExportRoot {
  const pathOf = (pool: string, folder: string) => join(path, pool, folder);
  return {
    path,
    pathOf,
    async mount() {
      if ((await mounts.table()).at(path) !== undefined) return;
      await files.makeFolders(path);
      await mounts.mountMemory(path, LIMITS, 0o755);
    },
    async bind(pool, folder, source) {
      const target = pathOf(pool, folder);
      if ((await mounts.table()).at(target) !== undefined) return;
      await files.makeFolders(join(target, NOT_EXPORTED));
      await mounts.bind(source, target, []);
    },
    async unbind(pool, folder) {
      const target = pathOf(pool, folder);
      await mounts.detach(target);
      for (const folder of [join(target, NOT_EXPORTED), target])
        if ((await files.stat(folder)) !== undefined) await files.removeFolder(folder);
    },
    async bound(pool) {
      const prefix = `${join(path, pool)}/`;
      const { entries } = await mounts.table();
      const names = entries.flatMap(({ mountPoint }) =>
        mountPoint.startsWith(prefix) ? [mountPoint.slice(prefix.length)] : [],
      );
      return names.filter((name) => !name.includes('/'));
    },
  };
}
