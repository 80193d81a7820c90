import { parseArgs } from 'node:util';

/** What a run is told on its command line and by the environment. */
export interface E2eOptions {
  /** Only cases with one of these words in their names; empty: all. */
  readonly only: readonly string[];
  /** Leaves cluster, chart and disks as they are at the end. */
  readonly keep: boolean;
  /** Takes the image that the nodes have already. */
  readonly skipImage: boolean;
  readonly workers: number;
  /** Set: this cluster is used, and none is made. */
  readonly kubeconfig: string | undefined;
  /** Loads an image archive, its last argument, into all nodes of that cluster. */
  readonly loadCommand: string | undefined;
  /** Cuts a node's power and gives it back; `kill` or `start` and the node's name are its last arguments. */
  readonly powerCommand: string | undefined;
  /** An NFS server that is there already, for volumes in share mode. */
  readonly nfs: NfsServer | undefined;
  /** An image with MariaDB's server and client, which the nodes have. */
  readonly mariadbImage: string | undefined;
  /** More arguments for `docker build`. */
  readonly buildArguments: readonly string[];
  readonly logFolder: string;
}

/** A share of an NFS server of somebody's. */
export interface NfsServer {
  /** By which nodes reach it. */
  readonly host: string;
  readonly share: string;
  /** Shell commands that make it silent, and let it go on. */
  readonly stopCommand: string | undefined;
  readonly startCommand: string | undefined;
}

export const HELP = `npm run e2e -- [--only WORD]... [--keep] [--skip-image] [--workers N] [--log-folder FOLDER]
  Needs docker, kubectl and helm; kind, unless KUBECONFIG names a cluster. See docs/how-to/e2e.md.
`;

const DEFAULT_WORKERS = 3;

/** @throws TypeError where an option is not known */
export function parseOptions(args: readonly string[], env: NodeJS.ProcessEnv): E2eOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true },
      keep: { type: 'boolean' },
      'skip-image': { type: 'boolean' },
      workers: { type: 'string' },
      'log-folder': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return 'help';
  const workers = Number(values.workers ?? DEFAULT_WORKERS);
  if (!Number.isInteger(workers) || workers < 1) throw new TypeError('--workers: must be a whole number from 1 on');
  return {
    only: values.only ?? [],
    keep: values.keep ?? false,
    skipImage: values['skip-image'] ?? false,
    workers,
    kubeconfig: env.KUBECONFIG || undefined,
    loadCommand: env.STOWAGE_E2E_LOAD || undefined,
    powerCommand: env.STOWAGE_E2E_POWER || (env.KUBECONFIG ? undefined : 'docker'), // kind's nodes are containers
    nfs: nfsServerOf(env),
    mariadbImage: env.STOWAGE_E2E_MARIADB || undefined,
    buildArguments: (env.STOWAGE_E2E_BUILD ?? '').split(' ').filter((word) => word !== ''),
    logFolder: values['log-folder'] ?? '.cache/e2e/logs',
  };
}

function nfsServerOf(env: NodeJS.ProcessEnv): NfsServer | undefined {
  if (!env.STOWAGE_E2E_NFS_SERVER) return undefined;
  return {
    host: env.STOWAGE_E2E_NFS_SERVER,
    share: env.STOWAGE_E2E_NFS_SHARE || '/',
    stopCommand: env.STOWAGE_E2E_NFS_STOP || undefined,
    startCommand: env.STOWAGE_E2E_NFS_START || undefined,
  };
}
