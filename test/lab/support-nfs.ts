import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const exec = promisify(execFile);

export type NfsVersion = '3' | '4.1' | '4.2';
/** rpc.nfsd(8); 4.2 is what clients choose of all. */
const OPTIONS = { all: '', '4.2': '-N 3', '4.1': '-N 3 -N 4.2', '3': '-N 4' } as const;

/** A server of the guest, whose root (NFS 4: `/`) is that folder here. */
export interface LabServer {
  readonly address: string;
  readonly folder: string;
  /** Stops its threads: to its clients it is as dead. */
  halt(): Promise<void>;
  /** Nothing unless halted. */
  resume(): Promise<void>;
  /** Starts it anew with this version alone, or with all. */
  serve(version: NfsVersion | 'all'): Promise<void>;
}

/** Two independent servers, each on an XFS of its own; started once for each guest, with which they end. */
export async function labServers(): Promise<{ healthy: LabServer; mortal: LabServer }> {
  if (!existsSync('/run/lab-nfs-ready')) {
    // Their daemons keep the output open.
    await nfsUp(`{
      nfs_fs /tmp/nfs1.img 1G /run/export1; nfs_fs /tmp/nfs2.img 1G /run/export2
      nfs_serve /run/export1; nfs_serve /run/export2 s2 10.9.0.2; : >/run/lab-nfs-ready
    } >/run/lab-nfs.log 2>&1 || { cat /run/lab-nfs.log >&2; exit 1; }`);
  }
  return { healthy: labServer('127.0.0.1', '/run/export1', ''), mortal: labServer('10.9.0.2', '/run/export2', 's2') };
}

function labServer(address: string, folder: string, namespace: string): LabServer {
  let isHalted = false;
  return {
    address,
    folder,
    async halt() {
      await nfsUp(`nfs_halt ${namespace}`);
      isHalted = true;
    },
    async resume() {
      if (!isHalted) return;
      await nfsUp(`{ nfs_resume ${namespace} || true; }`); // the end of the grace period cannot always be declared
      isHalted = false;
    },
    async serve(version) {
      await nfsUp(`{ nfs_halt ${namespace}; nfs_resume "${namespace}" ${OPTIONS[version]} || true; }`);
      isHalted = false;
    },
  };
}

/** Runs a script in the guest with nfs-up's functions; gives what it wrote. */
export async function nfsUp(script: string): Promise<string> {
  const { stdout } = await exec('bash', ['-c', `. test/lab/nfs-up && ${script}`], { maxBuffer: 1024 ** 2 });
  return stdout;
}
