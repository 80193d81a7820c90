import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { type DriverProcess, startDriver, waitUntilReady } from '../src/cli/demo/driver.ts';
import { type CsiClient, connectCsi } from '../src/csi/client.ts';
import { services } from '../src/csi/services.ts';

/** How to start a driver whose socket is at `socketPath`. */
export interface DriverCommand {
  readonly name: string;
  readonly args: readonly string[]; // of node
  readonly socketPath: string;
  readonly logFile: string;
}

export interface StartedDriver {
  readonly process: DriverProcess;
  readonly client: CsiClient;
  readonly nodeId: string;
  /** From spawn to the first answered Probe, ready or not, and to the first that says ready. */
  readonly firstAnswerMs: number;
  readonly readyMs: number;
  readonly stop: () => Promise<void>;
}

const START_TIMEOUT_MS = 120_000;
const POLL_MS = 2;
const NEVER = new AbortController().signal;

/** Starts a driver and times its start. Throws with the end of its log where it does not come up. */
export async function start(command: DriverCommand): Promise<StartedDriver> {
  const startedMs = performance.now();
  const driver = await startDriver(process.execPath, command.args, command.logFile);
  try {
    await waitForSocket(driver, command.socketPath);
    const first = connectCsi(command.socketPath);
    await first.call(services.identity.Probe, {}, { timeoutMs: START_TIMEOUT_MS });
    const firstAnswerMs = performance.now() - startedMs;
    first.close();
    const client = await waitUntilReady(driver, command.socketPath, command.logFile, START_TIMEOUT_MS, NEVER);
    const readyMs = performance.now() - startedMs;
    const { nodeId } = await client.call(services.node.NodeGetInfo, {});
    const stop = async () => {
      client.close();
      await driver.stop();
    };
    return { process: driver, client, nodeId, firstAnswerMs, readyMs, stop };
  } catch (error) {
    await driver.stop();
    throw error;
  }
}

/** Waits by connecting, not with a gRPC client, whose pauses between attempts would be measured too. */
async function waitForSocket(driver: DriverProcess, path: string): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  while (driver.running() && performance.now() < deadlineMs) {
    if (await accepts(path)) return;
    await sleep(POLL_MS);
  }
  throw new Error(`no driver listens at ${path}`);
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

export interface PoolConfig {
  readonly name: string;
  readonly backend: 'directory' | 'image' | 'btrfs' | 'memory' | 'disk' | 'lvm';
  readonly path: string; // of memory, disk and lvm: their records'
  readonly quota?: 'advisory';
  readonly fsType?: 'xfs';
  readonly size?: string;
  readonly devices?: readonly string[];
  readonly volumeGroup?: string;
  readonly thinPool?: string;
  readonly overcommit?: number;
}

/** Our driver, bundled, on one pool; its configuration and state lie in `folder`, which is made. */
export function stowage(folder: string, pool: PoolConfig): Promise<DriverCommand> {
  // Small volumes, many of them: what they promise together is more than a small disk has.
  return stowageWith(folder, { driver: 'local', pools: [{ overcommit: 100, ...pool }] });
}

/** The same for shares. */
export function stowageNfs(folder: string): Promise<DriverCommand> {
  return stowageWith(folder, { driver: 'nfs' });
}

async function stowageWith(folder: string, keys: object): Promise<DriverCommand> {
  const script = resolve('dist/stowage.cjs');
  await stat(script).catch((cause) => {
    throw new Error(`${script} is missing: npm run build`, { cause });
  });
  await mkdir(folder, { recursive: true });
  const configFile = join(folder, 'config.yaml');
  const socketPath = join(folder, 'csi.sock');
  await writeFile(configFile, stringify({ stateDir: join(folder, 'state'), ...keys }));
  const args = [
    script,
    'serve',
    '--config',
    configFile,
    '--endpoint',
    `unix://${socketPath}`,
    '--node-id',
    'bench-node',
    '--node-address',
    '127.0.0.1',
  ];
  return { name: 'stowage', args, socketPath, logFile: join(folder, 'driver.log') };
}

/** The null driver, unbundled; its socket lies in `folder`, which is made. */
export async function nullDriver(folder: string): Promise<DriverCommand> {
  await mkdir(folder, { recursive: true });
  const socketPath = join(folder, 'csi.sock');
  return {
    name: 'null',
    args: [resolve('.cache/bench/null-driver.js'), socketPath],
    socketPath,
    logFile: join(folder, 'driver.log'),
  };
}

/** A process's resident memory in bytes (VmRSS of proc_pid_status(5)). */
export async function residentBytes(pid: number): Promise<number> {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'));
  if (match === null) throw new Error(`/proc/${pid}/status has no VmRSS`);
  return Number(match[1]) * 1024;
}
