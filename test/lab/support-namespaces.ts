import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { errnoOf } from '../../src/errors.ts';
import { parseMountTable } from '../../src/host/mountinfo.ts';
import type { MountTable } from '../../src/host/mounts.ts';

const run = promisify(execFile);

/** A machine of its own, as NFS sees it: network, host name and mounts are namespaces of the guest. */
export interface Namespaces {
  readonly address: string;
  /** The same command as it must be run from outside. */
  inside(program: string, args: readonly string[]): { readonly program: string; readonly args: readonly string[] };
  /** Runs a program there to its end; what it wrote to stdout. Killed, and an error, after a minute. */
  exec(program: string, ...args: readonly string[]): Promise<string>;
  /** Starts a program there, with pipes; killed by `remove`. */
  spawn(program: string, ...args: readonly string[]): ChildProcess;
  mounts(): Promise<MountTable>;
  /** Its network cable, pulled or put back: while it is down all packets are lost. `remove` needs it up where its mounts wait. */
  setLink(state: 'up' | 'down'): Promise<void>;
  /** The ids of all processes there, but for the one that holds the namespaces. */
  processes(): Promise<number[]>;
  /** Kills what runs there, detaches its mounts of NFS, and takes the network away. Servers should answer by then: what waits for them stays for as long. */
  remove(): Promise<void>;
}

/** Keeps the namespaces. NFS mounts of the guest would be this machine's own, and rpc.statd's files and rpcbind's socket are one for each machine. */
const HOLDER = `
hostname "$1" && ip link set lo up && umount -a -l -t nfs,nfs4
umount -l /proc/fs/nfsd 2>/dev/null # the guest's server: this machine has its own, or none
mount -t tmpfs t /var/lib/nfs && mkdir -p /var/lib/nfs/sm /var/lib/nfs/sm.bak && : >/var/lib/nfs/state
mount -t tmpfs t /run && mkdir /run/rpcbind /run/lock /run/sendsigs.omit.d
echo ready; exec sleep infinity`;
const EXEC_TIMEOUT_MS = 60_000;
const LINK = 'stowage';

/** Makes a machine beside the guest's own: 10.8.N.2, which reaches the guest at 10.8.N.1 and, through it, servers in namespaces that route back (nfs_serve). */
export async function makeNamespaces(hostName: string): Promise<Namespaces> {
  let number = 1;
  while (existsSync(`/sys/class/net/${LINK}${number}`)) number++;
  const link = `${LINK}${number}`;
  const address = `10.8.${number}.2`;
  const gateway = `10.8.${number}.1`;
  const args = ['--mount', '--net', '--uts', '--propagation', 'private', 'bash', '-c', HOLDER, 'holder', hostName];
  const holder = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')]);
  const { pid } = holder;
  if (pid === undefined || !Buffer.isBuffer(said)) throw new Error(`no namespaces for ${hostName}: ${said}`);
  const network = await readlink(`/proc/${pid}/ns/net`);
  const enter = ['--target', String(pid), '--mount', '--net', '--uts', `--wd=${process.cwd()}`, '--'];
  const inside = (program: string, programArgs: readonly string[]) => ({
    program: 'nsenter',
    args: [...enter, program, ...programArgs],
  });
  const exec = async (program: string, ...programArgs: readonly string[]) => {
    const command = inside(program, programArgs);
    const { stdout } = await run(command.program, command.args, { timeout: EXEC_TIMEOUT_MS, killSignal: 'SIGKILL' });
    return stdout;
  };
  const processes = async () => (await processesIn(network)).filter((id) => id !== pid);

  async function remove(): Promise<void> {
    for (const id of await processes()) kill(id);
    try {
      await exec('umount', '-a', '-l', '-t', 'nfs,nfs4');
    } finally {
      await run('ip', ['link', 'del', link]); // it would go with the namespace, at a time of its own
      kill(pid);
    }
  }

  try {
    await run('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)]);
    await run('ip', ['addr', 'add', `${gateway}/24`, 'dev', link]);
    await run('ip', ['link', 'set', link, 'up']);
    await exec('ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    await exec('ip', 'link', 'set', 'eth0', 'up');
    await exec('ip', 'route', 'add', 'default', 'via', gateway);
    await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
  } catch (error) {
    kill(pid);
    throw error;
  }
  return {
    address,
    inside,
    exec,
    spawn(program, ...programArgs) {
      const command = inside(program, programArgs);
      return spawn(command.program, command.args, { stdio: ['pipe', 'pipe', 'inherit'] });
    },
    mounts: async () => parseMountTable(await readFile(`/proc/${pid}/mountinfo`, 'utf8')),
    setLink: async (state) => {
      await run('ip', ['link', 'set', link, state]); // the guest's end: the machine itself keeps address and route
    },
    processes,
    remove,
  };
}

async function processesIn(network: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (/^\d+$/.test(name) && (await networkOf(name)) === network) found.push(Number(name));
  }
  return found;
}

/** Undefined for a process that is gone. */
async function networkOf(pid: string): Promise<string | undefined> {
  try {
    return await readlink(`/proc/${pid}/ns/net`);
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

function kill(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error; // it has ended
  }
}
