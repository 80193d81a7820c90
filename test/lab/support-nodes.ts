import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { type DriverProcess, startDriver, waitUntilReady } from '../../src/cli/demo/driver.ts';
import type { CsiClient } from '../../src/csi/client.ts';
import type { MountTable } from '../../src/host/mounts.ts';
import { makeNamespaces } from './support-namespaces.ts';
import type { LabServer } from './support-nfs.ts';

/** A node of a cluster: a machine of its own (support-namespaces) on which the built program runs. */
export interface LabNode {
  readonly name: string;
  readonly address: string;
  readonly nodeId: string; // as NodeGetInfo says it: name|address
  /** Its own folder, which the test sees as well, but not what is mounted there. */
  readonly folder: string;
  /** The driver's process. */
  pid(): number;
  /** Calls the driver: `node.call(services.node.NodeStageVolume, {...}, { timeoutMs })`. */
  readonly call: CsiClient['call'];
  /** Runs a program on the node to its end, at most a minute; gives its stdout. */
  exec(program: string, ...args: readonly string[]): Promise<string>;
  /** Starts a program on the node, with pipes for stdin and stdout: a pod. Killed by `stop`. */
  spawn(program: string, ...args: readonly string[]): ChildProcess;
  /** What is mounted on the node. */
  mounts(): Promise<MountTable>;
  /** Its network cable, pulled or put back: while it is down all packets are lost, in silence. Put it back before `stop`. */
  setLink(state: 'up' | 'down'): Promise<void>;
  /** All processes there: the driver, its children, and what `spawn` started. */
  processes(): Promise<number[]>;
  /** SIGKILL for the driver; what it started ends with it or goes on, as on a real node. */
  kill(): Promise<void>;
  /** Starts the driver, after `kill`, and waits until it is ready. */
  start(): Promise<void>;
  /** Takes all of the node away, also after a failure. Let its servers answer again before. */
  stop(): Promise<void>;
}

export interface NodeOptions {
  readonly role?: 'all' | 'controller' | 'node'; // default: node
  /** Further keys of the config, which may name the node's address. */
  readonly config?: (address: string) => Readonly<Record<string, unknown>>;
  readonly statd?: boolean; // rpcbind and rpc.statd, for locks of NFS 3
}

/** The guest itself, as its nodes reach it. */
const GUEST_ADDRESS = '10.9.0.1';
const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

/** The address by which nodes reach a server: LabServer has the guest's own by loopback. */
export function addressForNodes({ address }: LabServer): string {
  return address === '127.0.0.1' ? GUEST_ADDRESS : address;
}

/** Starts a node; the servers of labServers must have been started. Its name is its host name, by which NFS 4 tells clients apart. */
export async function startNode(name: string, options: NodeOptions = {}): Promise<LabNode> {
  const folder = await mkdtemp(join(tmpdir(), `stowage-${name}-`));
  const machine = await makeNamespaces(name);
  const socket = join(folder, 'csi.sock');
  const configFile = join(folder, 'config.yaml');
  const logFile = join(folder, 'log');
  let driver: DriverProcess | undefined;
  let client: CsiClient | undefined;

  async function start(): Promise<void> {
    const args = ['serve', '--config', configFile, '--endpoint', socket];
    const identity = ['--node-id', name, '--node-address', machine.address];
    const command = machine.inside(process.execPath, [resolve('dist/stowage.cjs'), ...args, ...identity]);
    driver = await startDriver(command.program, command.args, logFile); // nsenter becomes the driver
    client = await waitUntilReady(driver, socket, logFile, READY_TIMEOUT_MS, AbortSignal.timeout(READY_TIMEOUT_MS));
  }

  async function kill(): Promise<void> {
    client?.close();
    if (driver?.running()) process.kill(driver.pid, 'SIGKILL');
    while (driver?.running()) await sleep(POLL_MS);
  }

  async function stop(): Promise<void> {
    await kill();
    await machine.remove();
    await rm(folder, { recursive: true });
  }

  try {
    await mkdir(join(folder, 'state'));
    const config = {
      driver: 'nfs',
      role: options.role ?? 'node',
      stateDir: join(folder, 'state'),
      ...options.config?.(machine.address),
    };
    await writeFile(configFile, stringify(config));
    if (options.statd) {
      await machine.exec('rpcbind');
      await machine.exec('rpc.statd', '--no-notify');
    }
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name,
    address: machine.address,
    nodeId: `${name}|${machine.address}`,
    folder,
    pid: () => running(driver).pid,
    call: (method, request, callOptions) => running(client).call(method, request, callOptions),
    exec: machine.exec,
    spawn: machine.spawn,
    mounts: machine.mounts,
    setLink: machine.setLink,
    processes: machine.processes,
    kill,
    start,
    stop,
  };
}

function running<T>(what: T | undefined): T {
  if (what === undefined) throw new Error('the driver of this node was not started');
  return what;
}
