import { basename, join } from 'node:path';
import type { Files } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import type { Logger } from '../telemetry/log.ts';
import { createShares, DEFAULT_SHARE_LIMITS, type Share } from './shares.ts';
import { mountSource } from './source.ts';
import { createShareFiles, type ShareFiles, type ShareFilesOptions } from './worker/share-files.ts';

/** How long a call waits for the share's mount, before its own time begins. */
const MOUNT_WAIT_MS = 12_000;

export type OpenShareFiles = (options: ShareFilesOptions) => ShareFiles;

/** The machine as the controller reaches shares: one mount and one process for each. */
export interface ShareHosts {
  /** Where the share is mounted. */
  pathOf(share: Share): string;
  /** The machine as this share's pool reaches it: each call to its files, and each folder held open, keeps the share mounted. */
  hostOf(share: Share): Host;
  /** Finds the mounts of an earlier process. */
  recover(): Promise<void>;
  /** Ends the processes; the mounts stay for the next driver. */
  close(): Promise<void>;
}

export function createShareHosts(deps: {
  host: Host;
  log: Logger;
  stateDir: string; // as mountinfo names it
  idleUnmountMs: number;
  program?: string | undefined; // see createShareFiles
  /** How a mounted share's files are reached, for tests of what comes of their failures. */
  openFiles?: OpenShareFiles | undefined;
}): ShareHosts {
  const { host, log, stateDir, idleUnmountMs, program, openFiles = createShareFiles } = deps;
  const shares = createShares(host, join(stateDir, 'mounts'), log, { ...DEFAULT_SHARE_LIMITS, idleMs: idleUnmountMs });
  const processes: ShareFiles[] = [];
  return {
    pathOf: shares.pathOf,
    hostOf(share) {
      const path = shares.pathOf(share);
      const process = openFiles({
        name: mountSource(share),
        runFolder: join(stateDir, 'run', basename(path)),
        log,
        ...(program === undefined ? {} : { program }),
      });
      processes.push(process);
      const use = async () => (await shares.useMounted(share)) ?? shares.use(share, AbortSignal.timeout(MOUNT_WAIT_MS));
      return { ...host, files: whileMounted(process.files, use) };
    },
    recover: shares.recover,
    async close() {
      shares.close();
      await Promise.all(processes.map((process) => process.close()));
    },
  };
}

interface Use {
  readonly release: () => void;
}

function whileMounted(files: Files, use: () => Promise<Use>): Files {
  const around =
    <Args extends readonly unknown[], Answer>(method: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      const { release } = await use();
      try {
        return await method(...args);
      } finally {
        release();
      }
    };
  return {
    read: around(files.read),
    readStart: around(files.readStart),
    list: around(files.list),
    stat: around(files.stat),
    statfs: around(files.statfs),
    isWritable: around(files.isWritable),
    resolveParent: around(files.resolveParent),
    measureSmallTree: around(files.measureSmallTree),
    writeDurably: around(files.writeDurably),
    removeDurably: around(files.removeDurably),
    makeFolder: around(files.makeFolder),
    makeFolders: around(files.makeFolders),
    touch: around(files.touch),
    removeFolder: around(files.removeFolder),
    removeFile: around(files.removeFile),
    removeTree: around(files.removeTree),
    rename: around(files.rename),
    moveFolder: around(files.moveFolder),
    makeLink: around(files.makeLink),
    readLink: around(files.readLink),
    chown: around(files.chown),
    chmod: around(files.chmod),
    createSparse: around(files.createSparse),
    grow: around(files.grow),
    allocate: around(files.allocate),
    clone: around(files.clone),
    canClone: around(files.canClone),
    copy: around(files.copy),
    copyTree: around(files.copyTree),
    recover: around(files.recover),
    sync: around(files.sync),
    makeBeneath: around(files.makeBeneath),
    openPath: around(files.openPath),
    lock: around(files.lock),
    async *readAll(...args) {
      const { release } = await use();
      try {
        yield* files.readAll(...args);
      } finally {
        release();
      }
    },
    async openFolder(...args) {
      const { release } = await use();
      try {
        const handle = await files.openFolder(...args);
        return {
          ...handle,
          async close() {
            try {
              await handle.close();
            } finally {
              release();
            }
          },
        };
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}
