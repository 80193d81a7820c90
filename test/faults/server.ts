import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectCsi } from '../../src/csi/client.ts';
import { services } from '../../src/csi/services.ts';
import { bundle, MARK, untilGone } from './children.ts';
import { configInput, type Paths } from './place.ts';
import { NODE_ID } from './verbs.ts';

/** `stowage serve` as a process of its own, that can be killed and started again. */
export interface Server {
  readonly socket: string;
  /** Starts it, and waits until it answers Probe with ready. */
  start(): Promise<void>;
  /** SIGKILL; settles when it and its children are gone. */
  kill(): Promise<void>;
  /** SIGTERM. @returns its exit code */
  stop(): Promise<number | null>;
  /** What it wrote to its log. */
  log(): Promise<string>;
}

const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 10;

export async function makeServer(paths: Paths): Promise<Server> {
  const program = await bundle('src/main.ts', 'stowage.cjs');
  const [socket, config, logFile] = ['csi.sock', 'config.json', 'log'].map((name) => join(paths.work, 'state', name));
  if (socket === undefined || config === undefined || logFile === undefined) throw new Error('no paths');
  await writeFile(config, JSON.stringify(configInput(paths))); // JSON is YAML
  let child: ChildProcess | undefined;
  let mark = '';

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    if (child === undefined) return null;
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server had ended: ${await log()}`);
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
    await untilGone(mark);
    return child.exitCode;
  }

  async function log(): Promise<string> {
    return (await readFile(logFile ?? '', 'utf8')).split('\n').slice(-40).join('\n');
  }

  return {
    socket,
    log,
    async start() {
      mark = randomUUID();
      const output = await open(logFile, 'a');
      const args = [program, 'serve', '--config', config, '--endpoint', socket, '--node-id', NODE_ID];
      child = spawn(process.execPath, args, {
        env: { ...process.env, [MARK]: mark },
        stdio: ['ignore', output.fd, output.fd],
      });
      await output.close();
      await untilReady(socket);
    },
    kill: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
  };
}

async function untilReady(socket: string): Promise<void> {
  const client = connectCsi(socket);
  const deadlineMs = Date.now() + READY_TIMEOUT_MS;
  try {
    for (;;) {
      const ready = await client.call(services.identity.Probe, {}, { timeoutMs: 1000 }).then(
        (answer) => answer.ready?.value === true,
        () => false,
      );
      if (ready) return;
      if (Date.now() > deadlineMs) throw new Error(`the server is not ready after ${READY_TIMEOUT_MS} ms`);
      await sleep(POLL_MS);
    }
  } finally {
    client.close();
  }
}
