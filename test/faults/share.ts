import { join } from 'node:path';
import { StowageError } from '../../src/errors.ts';
import type { Host } from '../../src/host/host.ts';
import type { MountEntry, MountTable } from '../../src/host/mounts.ts';
import type { OpenShareFiles } from '../../src/nfs/share-hosts.ts';
import { shareName } from '../../src/volumes/shares.ts';

/** What calls say of a share, or of a pool that is exported, where the driver serves such. */
export interface ShareCalls {
  readonly nodeId: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly contextOf: (name: string) => Promise<Readonly<Record<string, string>>>;
}

const SOURCE = { server: 'server.test', share: '/' } as const;

export const SHARE_POOL = shareName(SOURCE);
export const SHARE_CALLS: ShareCalls = {
  nodeId: 'node-1|127.0.0.1',
  parameters: SOURCE,
  contextOf: async (subDir) => ({ ...SOURCE, subDir }),
};

/**
 * The machine beside a server whose root is a file system mounted here: each NFS mount is a bind of it. All that is the driver's own is as it is with a server, but
 * that its files are reached in this process, where each call can be struck.
 */
export function withPlainShare(real: Host, folder: string): Host {
  return {
    ...real,
    mounts: { ...real.mounts, table: async () => asNfs(await real.mounts.table(), folder) },
    nfs: {
      async mount(source, target) {
        const path = join(folder, source.slice(`${SOURCE.server}:`.length));
        if ((await real.files.stat(path))?.type !== 'folder')
          throw new StowageError('not-found', `${source} is not exported`);
        await real.mounts.bind(path, target, []);
      },
      async unmount(target) {
        while ((await real.mounts.table()).at(target) !== undefined) await real.mounts.detach(target);
      },
      recover: async () => undefined,
    },
  };
}

/** The files of a share without a process of their own: `host` is that of `withPlainShare`. */
export function openPlainShare({ files }: Pick<Host, 'files'>): OpenShareFiles {
  return () => ({ files, isAnswering: () => true, close: async () => undefined });
}

/** Binds of the folder's file system, by the names that a server's mounts have. */
function asNfs(table: MountTable, folder: string): MountTable {
  const device = table.at(folder)?.device;
  const named = (entry: MountEntry): MountEntry =>
    entry.device !== device || entry.mountPoint === folder
      ? entry
      : { ...entry, fsType: 'nfs4', source: `${SOURCE.server}:${entry.root}` };
  return {
    entries: table.entries.map(named),
    at(path) {
      const found = table.at(path);
      return found && named(found);
    },
    containing: (path) => named(table.containing(path)),
  };
}
