import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CsiClient, connectCsi } from '../../csi/client.ts';
import { services } from '../../csi/services.ts';
import { messageOf } from '../../errors.ts';

/** A driver that runs as a child of this process. */
export interface DriverProcess {
  readonly pid: number;
  /** Ends it: SIGTERM, then SIGKILL where it does not go within its grace period. Nothing where it has ended. */
  readonly stop: () => Promise<void>;
  /** True until it has ended. */
  readonly running: () => boolean;
}

const STOP_GRACE_MS = 7000; // the driver promises to go within 5 s
const PROBE_INTERVAL_MS = 25;
const LOG_TAIL_LINES = 12;

/**
 * Starts `program` with its output in `logFile`. It gets a process group of its own, so that Ctrl-C in a terminal reaches
 * only this process, which then ends the child in order.
 */
export async function startDriver(program: string, args: readonly string[], logFile: string): Promise<DriverProcess> {
  const log = await open(logFile, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(program, args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
    await once(child, 'spawn');
  } finally {
    await log.close();
  }
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} has no process id`);
  const running = () => child.exitCode === null && child.signalCode === null;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  return {
    pid,
    running,
    async stop() {
      if (!running()) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/**
 * Waits until the driver answers Probe with ready.
 * @returns a client of its socket
 * @throws Error with the end of its log where it ends, or is not ready within `timeoutMs`
 */
export async function waitUntilReady(
  driver: DriverProcess,
  socketPath: string,
  logFile: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CsiClient> {
  const client = connectCsi(socketPath);
  const deadlineMs = performance.now() + timeoutMs;
  let last = 'no answer';
  while (driver.running() && performance.now() < deadlineMs && !signal.aborted) {
    try {
      const { ready } = await client.call(services.identity.Probe, {}, { timeoutMs: 1000, signal });
      if (ready?.value !== false) return client; // the field is optional: absent means ready
      last = 'not ready';
    } catch (error) {
      last = messageOf(error);
    }
    await sleep(PROBE_INTERVAL_MS);
  }
  client.close();
  signal.throwIfAborted();
  const what = driver.running() ? `is not ready after ${timeoutMs} ms (${last})` : 'ended';
  throw new Error(`the driver ${what}; the end of its log:\n${await logTail(logFile)}`);
}

/** The last lines of a driver's log; what cannot be read is empty. */
export async function logTail(file: string): Promise<string> {
  const lines = (await readFile(file, 'utf8').catch(() => '')).trimEnd().split('\n');
  return lines.slice(-LOG_TAIL_LINES).join('\n');
}
