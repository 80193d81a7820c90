import { fork } from 'node:child_process';
import { messageOf } from '../errors.ts';

/** A Node program that runs as our child, with which messages are exchanged. */
export interface ForkedProgram {
  readonly pid: number | undefined; // undefined where it could not be started
  /** Settles, with the words for it, when the process is gone or could not be started. */
  readonly ended: Promise<string>;
  /** What cannot be sent any more is lost: the end follows. */
  send(message: object): void;
  /** SIGKILL. A process that waits for a disk or a server (D state) goes only when that answers. */
  kill(): void;
}

export interface ForkOptions {
  readonly program: string; // a JavaScript file
  readonly args: readonly string[];
  readonly execArgv: readonly string[]; // options for Node itself
  readonly env: Readonly<Record<string, string>>; // beside ours
  readonly onMessage: (message: unknown) => void;
}

/** Starts a Node program: in / and in a process group of its own (Ctrl-C is for us to act on), with our stderr, its messages as structured clones. */
export function forkProgram({ program, args, execArgv, env, onMessage }: ForkOptions): ForkedProgram {
  const child = fork(program, args, {
    execArgv: [...execArgv],
    env: { ...process.env, ...env },
    cwd: '/',
    detached: true,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.on('message', onMessage);
  child.on('disconnect', () => child.kill('SIGKILL')); // without a channel it is of no use
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `ended by ${signal}`));
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(`it did not start: ${messageOf(error)}`);
    });
  });
  return {
    pid: child.pid,
    ended,
    send: (message) => {
      if (child.connected) child.send(message, () => undefined); // a failure means that the channel is gone: see 'disconnect'
    },
    kill: () => child.kill('SIGKILL'),
  };
}

/** For such a program: takes its parent's messages. */
export interface ParentChannel {
  send(message: object): void;
  /** Begins to take messages. `onClose` is called when the parent is gone. */
  listen(onMessage: (message: unknown) => void, onClose: () => void): void;
}

/** The channel to the parent; undefined where this process was not started by forkProgram. */
export function parentChannel(): ParentChannel | undefined {
  if (process.send === undefined) return undefined;
  return {
    send: (message) => {
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
    },
    listen: (onMessage, onClose) => {
      process.on('message', onMessage);
      process.on('disconnect', onClose);
      if (!process.connected) onClose();
    },
  };
}
