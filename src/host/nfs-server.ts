import { mkdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf, StowageError } from '../errors.ts';
import type { Commands } from './command.ts';
import { namesIn, readIfThere } from './if-there.ts';

/** How the kernel's NFS server is started where it does not run yet. */
export interface NfsServerSettings {
  readonly nfs3: boolean; // needs rpcbind
  readonly leaseSeconds: number; // how long a client that is silent keeps its locks; after a start, how long clients may take them back
}

/** A client of NFS 4 that holds state (nfsd(7), clients). */
export interface NfsClient {
  readonly id: string;
  readonly address: string; // an IP address
}

/** A file that a client has open, locked or delegated. */
export interface HeldFile {
  readonly device: string; // major:minor, of the file system
  readonly inode: number;
  readonly name: string | undefined; // of the file in its folder; undefined where the kernel says none
}

/** The kernel's NFS server, of this process's network namespace. */
export interface NfsServer {
  /**
   * Starts what the kernel's threads ask (rpc.mountd for exports, nfsdcld for clients that may take back their locks), unless threads run. Exports can be made from then on.
   * @returns words for what clients will miss, where not all could be started
   * @throws 'precondition' where the kernel has no NFS server
   */
  prepare(settings: NfsServerSettings, signal: AbortSignal): Promise<string | undefined>;
  /** Starts the threads, unless they run. What is not exported by then is lost to clients that had it: their handles are stale. All outlive this process, and are never stopped. */
  run(settings: NfsServerSettings, signal: AbortSignal): Promise<void>;
  clients(): Promise<NfsClient[]>;
  /** None where the client is gone. */
  heldFiles(clientId: string): Promise<HeldFile[]>;
  /** Drops all that a client holds, once its calls under way have ended; it has to begin anew. Nothing where it is gone. */
  expire(clientId: string): Promise<void>;
}

const CONTROL = '/proc/fs/nfsd';
const THREADS = 8;
const ADDRESS = /^address: "(?:\[([^\]]+)\]|([^":]+)):\d+"$/m;
/** nfsd prints major and minor in hexadecimal, the inode in decimal. */
const STATE = /superblock: "([0-9a-f]+):([0-9a-f]+):(\d+)"(?:, filename: "(?:[^"]*\/)?([^"/]*)")?/g;

export function createNfsServer(commands: Commands): NfsServer {
  async function mountControl(signal: AbortSignal): Promise<void> {
    if ((await readIfThere(join(CONTROL, 'threads'))) !== undefined) return;
    await commands.run('modprobe', ['nfsd'], { signal }).catch(() => undefined); // built in, or told by what follows
    await commands.run('mount', ['-t', 'nfsd', 'nfsd', CONTROL], { signal }).catch((error: unknown) => {
      throw new StowageError(
        'precondition',
        `this kernel has no NFS server (${messageOf(error)}); load the module nfsd, or leave \`managed\` out of the config`,
        { cause: error },
      );
    });
  }

  return {
    async prepare({ nfs3, leaseSeconds }, signal) {
      await mountControl(signal);
      if (await hasThreads()) return undefined;
      for (const name of ['nfsv4leasetime', 'nfsv4gracetime'])
        await writeFile(join(CONTROL, name), `${leaseSeconds}\n`);
      const untracked = await startTracking(commands, signal).then(() => undefined, messageOf);
      if (!(await isRunning('rpc.mountd')))
        await commands.run('rpc.mountd', ['--no-nfs-version', '2', ...without3(nfs3)], { signal });
      return untracked && `clients cannot take back their locks after a restart of this machine: ${untracked}`;
    },

    async run({ nfs3 }, signal) {
      if (!(await hasThreads())) await commands.run('rpc.nfsd', [...without3(nfs3), String(THREADS)], { signal });
    },

    async clients() {
      const found = await Promise.all(
        (await namesIn(join(CONTROL, 'clients'))).map(async (id) => {
          const info = (await readIfThere(join(CONTROL, 'clients', id, 'info'))) ?? '';
          const [, ipv6, ipv4] = ADDRESS.exec(info) ?? [];
          const address = ipv6 ?? ipv4;
          return address === undefined ? [] : [{ id, address }];
        }),
      );
      return found.flat();
    },

    async heldFiles(clientId) {
      const states = (await readIfThere(join(CONTROL, 'clients', clientId, 'states'))) ?? '';
      return [...states.matchAll(STATE)].map(([, major = '', minor = '', inode = '', name]) => ({
        device: `${Number.parseInt(major, 16)}:${Number.parseInt(minor, 16)}`,
        inode: Number(inode),
        name,
      }));
    },

    async expire(clientId) {
      try {
        await writeFile(join(CONTROL, 'clients', clientId, 'ctl'), 'expire\n');
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error;
      }
    },
  };
}

const PIPES = '/var/lib/nfs/rpc_pipefs';
const TRACKED = '/var/lib/nfs/nfsdcld';

/** nfsdcld(8) remembers clients across restarts of the server: only those may take back what they had.  */
async function startTracking(commands: Commands, signal: AbortSignal): Promise<void> {
  if (await isRunning('nfsdcld')) return;
  await mkdir(TRACKED, { recursive: true, mode: 0o700 });
  await mkdir(PIPES, { recursive: true });
  if ((await namesIn(PIPES)).length === 0)
    await commands.run('mount', ['-t', 'rpc_pipefs', 'sunrpc', PIPES], { signal });
  await commands.run('nfsdcld', ['-p', PIPES, '-s', TRACKED], { signal });
}

async function hasThreads(): Promise<boolean> {
  return Number(await readIfThere(join(CONTROL, 'threads'))) > 0;
}

function without3(nfs3: boolean): string[] {
  return nfs3 ? [] : ['--no-nfs-version', '3'];
}

/** True if a process of this name is to be seen that serves this network namespace. */
async function isRunning(name: string): Promise<boolean> {
  const network = await readlink('/proc/self/ns/net');
  const ids = (await namesIn('/proc')).filter((id) => /^\d+$/.test(id));
  const found = await Promise.all(ids.map((id) => isThere(id, name, network)));
  return found.includes(true);
}

/** False for a process that ends meanwhile. */
async function isThere(id: string, name: string, network: string): Promise<boolean> {
  try {
    if ((await readIfThere(join('/proc', id, 'comm')))?.trim() !== name) return false;
    return (await readlink(join('/proc', id, 'ns/net'))) === network;
  } catch (error) {
    if (['ESRCH', 'ENOENT', 'EACCES'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}
