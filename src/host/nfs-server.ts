import { writeFile } from 'node:fs/promises';
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
   * Starts rpc.mountd and the kernel's threads, unless threads run. They outlive this process, and are never stopped.
   * @throws 'precondition' where the kernel has no NFS server
   */
  start(settings: NfsServerSettings, signal: AbortSignal): Promise<void>;
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
    async start({ nfs3, leaseSeconds }, signal) {
      await mountControl(signal);
      if (Number(await readIfThere(join(CONTROL, 'threads'))) > 0) return;
      for (const name of ['nfsv4leasetime', 'nfsv4gracetime'])
        await writeFile(join(CONTROL, name), `${leaseSeconds}\n`);
      const versions = nfs3 ? [] : ['--no-nfs-version', '3'];
      await commands.run('rpc.mountd', ['--no-nfs-version', '2', ...versions], { signal });
      await commands.run('rpc.nfsd', [...versions, String(THREADS)], { signal });
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
