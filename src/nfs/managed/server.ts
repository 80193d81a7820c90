import type { Host } from '../../host/host.ts';
import type { ListedExport } from '../../host/nfs-exports.ts';
import type { NfsServerSettings } from '../../host/nfs-server.ts';
import type { Logger } from '../../telemetry/log.ts';
import { dropHeld } from './held.ts';
import { createExportRoot } from './root.ts';

/** A volume as it is exported. */
export interface ExportedVolume {
  readonly pool: string;
  readonly folder: string; // its name among those of its pool
}

/** A node's address, and whether it may write. */
export interface Admission {
  readonly address: string;
  readonly readOnly: boolean;
  readonly fsid: string; // a UUID, with which the node's file handles begin: those with another one are stale
}

/** The kernel's NFS server of this machine, as far as volumes are exported by it. Callers see to it that no two calls for one volume overlap. */
export interface ManagedServer {
  /** Where a volume's folder is exported from, for NFS 3; NFS 4 sees it from `rootPath`. */
  pathOf(volume: ExportedVolume): string;
  readonly rootPath: string;
  /** Makes it possible to export, and exports the root. Again does nothing. */
  prepare(signal: AbortSignal): Promise<void>;
  /** Lets clients in, unless they are. What they had before must be exported by then. */
  run(signal: AbortSignal): Promise<void>;
  /** What is exported beneath the root. */
  exported(): Promise<ListedExport[]>;
  /** The folders of a pool that are bound for export. */
  bound(pool: string): Promise<string[]>;
  /** Exports the folder `source` to the addresses, each read-only at the server where asked; others that have it keep it. */
  admit(volume: ExportedVolume, source: string, admissions: readonly Admission[], signal: AbortSignal): Promise<void>;
  /** Takes the volume from an address, also with files open: they are stale from then on. */
  shutOut(path: string, address: string, signal: AbortSignal): Promise<void>;
  /** Drops what clients at the address still hold in a folder, of which they were shut out before: see dropHeld. */
  drop(folder: string, address: string, signal: AbortSignal): Promise<void>;
  /** Takes the volume's folder from the root; it is exported to nobody by now. */
  withdraw(pool: string, folder: string): Promise<void>;
}

/** Of every export: root keeps its rights, as the kubelet sets owners, and a file's handle is enough to reach it. */
const OPTIONS = ['sync', 'no_root_squash', 'no_subtree_check'];
/** Everyone may walk through the root, which holds nothing. */
const ROOT_OPTIONS = ['ro', 'fsid=0', 'sync', 'root_squash', 'no_subtree_check', 'insecure'];
const EVERYONE = '*';

/** @param rootPath as mountinfo names it: where the exported root is mounted */
export function createManagedServer(
  deps: { host: Host; log: Logger },
  rootPath: string,
  settings: NfsServerSettings,
): ManagedServer {
  const { host } = deps;
  const root = createExportRoot(rootPath, host);

  async function exported(): Promise<ListedExport[]> {
    return (await host.nfsExports.list()).filter(({ path }) => path.startsWith(`${rootPath}/`));
  }

  return {
    rootPath,
    pathOf: ({ pool, folder }) => root.pathOf(pool, folder),
    exported,
    bound: root.bound,
    run: (signal) => host.nfsServer.run(settings, signal),
    async prepare(signal) {
      const problem = await host.nfsServer.prepare(settings, signal);
      if (problem !== undefined) deps.log.warn(problem);
      await root.mount();
      const isExported = (await host.nfsExports.list()).some(({ path }) => path === rootPath);
      if (!isExported) await host.nfsExports.add({ path: rootPath, client: EVERYONE }, ROOT_OPTIONS, signal);
    },
    async admit({ pool, folder }, source, admissions, signal) {
      await root.bind(pool, folder, source);
      const path = root.pathOf(pool, folder);
      for (const { address, readOnly, fsid } of admissions) {
        const options = [readOnly ? 'ro' : 'rw', `fsid=${fsid}`, ...OPTIONS];
        await host.nfsExports.add({ path, client: address }, options, signal);
      }
    },
    shutOut: (path, client, signal) => host.nfsExports.remove({ path, client }, signal),
    drop: (folder, address, signal) => dropHeld(deps, folder, address, signal),
    withdraw: root.unbind,
  };
}
