import { errnoOf, isStowageError, messageOf, StowageError } from '../errors.ts';

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface CommandOptions {
  readonly signal: AbortSignal;
  /** Exit codes that are answers rather than failures; default [0]. */
  readonly exitCodes?: readonly number[];
}

/** Child processes: LC_ALL=C, no shell, no stdin, own process group, output bounded to 1 MiB. */
export interface Commands {
  /**
   * Runs a program to its end; its output comes without the final newline. Throws StowageError: 'internal' with the program, its exit code and the end of its stderr where it fails;
   * 'timeout' or 'cancelled' at the signal, after killing its process group; the promise settles within 1 s of the signal even
   * when the child cannot be killed (D state), and then the message says so. 'internal' with what to install where it is missing.
   */
  run(program: string, args: readonly string[], options: CommandOptions): Promise<CommandResult>;
}

const MAX_OUTPUT_BYTES = 1024 * 1024;
const MAX_STDERR_CHARS = 2000;
const KILL_GRACE_MS = 800; // of the 1 s that the contract allows after the signal

/** What is left of a child that ended, or could not be started. */
interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | undefined; // undefined where a signal ended it, or it never started
  readonly killedBy: string | undefined;
  readonly tooMuchOutput: boolean;
  readonly errno: string | undefined; // of a failed start: ENOENT, EACCES, E2BIG
  readonly problem: string;
}

interface Child {
  readonly ended: Promise<Outcome>;
  /** Kills the whole process group. */
  readonly kill: () => void;
  /** Stops waiting for it: it keeps neither this process nor its pipes open. */
  readonly abandon: () => void;
}

let outlived = 0;

/** How many children of this process have outlived their kill and live still: they wait for a disk or a server that does not answer. */
export function stuckChildren(): number {
  return outlived;
}

/** Creates the runner of child processes, by execa (loaded with the first command). */
export function createCommands(): Commands {
  return { run };
}

async function run(program: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const { signal, exitCodes = [0] } = options;
  const shown = [program, ...args].join(' ');
  if (signal.aborted) throw abortError(signal, `'${shown}' was not started`);
  const child = await start(program, args);
  const outcome = await untilAborted(child, signal, shown);
  return resultOf(outcome, shown, program, exitCodes);
}

async function start(program: string, args: readonly string[]): Promise<Child> {
  const { execa } = await import('execa'); // not at start-up: most processes answer their first calls without a command
  const subprocess = execa(program, args, {
    detached: true, // its own process group
    stdin: 'ignore',
    reject: false,
    maxBuffer: MAX_OUTPUT_BYTES,
    env: { LC_ALL: 'C', PATH: searchPath() },
  });
  const { pid } = subprocess;
  return {
    ended: subprocess.then((result) => ({
      stdout: result.stdout,
      stderr: result.stderr,
      exitCode: result.exitCode,
      killedBy: result.signal,
      tooMuchOutput: result.isMaxBuffer,
      errno: result.exitCode === undefined ? (errnoOf(result.cause) ?? result.code) : undefined,
      problem: result.failed ? messageOf(result.cause ?? result.originalMessage ?? 'unknown failure') : '',
    })),
    kill: () => killGroup(pid),
    abandon: () => {
      subprocess.stdout.destroy();
      subprocess.stderr.destroy();
      subprocess.unref();
    },
  };
}

/** Where programs are looked for: mkfs, mount and quota tools are not on every user's PATH. */
export function searchPath(): string {
  return [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'].filter(Boolean).join(':');
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return; // it never started
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error; // ESRCH: all of it has ended
  }
}

/** The child's outcome, or the signal's error once it has been killed, or has outlived its kill for too long. */
async function untilAborted(child: Child, signal: AbortSignal, shown: string): Promise<Outcome> {
  const aborted = watchAbort(child, signal);
  try {
    const first = await Promise.race([child.ended, aborted.seen]);
    if (first !== 'aborted' && (!signal.aborted || first.exitCode !== undefined)) return first; // it ended by itself
    const last = await Promise.race([child.ended, aborted.graceOver]);
    if (last !== 'stuck') throw abortError(signal, `'${shown}' was killed`, last.stderr);
  } finally {
    aborted.forget();
  }
  child.abandon();
  outlived++;
  child.ended.finally(() => outlived--).catch(() => undefined); // its end is of no interest any more
  const why = 'it may wait for a disk or server, or a process outside its group holds its output';
  throw stuckError(signal, `'${shown}' did not end within ${KILL_GRACE_MS} ms of SIGKILL to its process group: ${why}`);
}

interface AbortWatch {
  readonly seen: Promise<'aborted'>;
  readonly graceOver: Promise<'stuck'>;
  readonly forget: () => void;
}

function watchAbort(child: Child, signal: AbortSignal): AbortWatch {
  let clock: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  let onGraceOver = () => {};
  const graceOver = new Promise<'stuck'>((resolve) => {
    onGraceOver = () => resolve('stuck');
  });
  const seen = new Promise<'aborted'>((resolve) => {
    onAbort = () => {
      clock = setTimeout(onGraceOver, KILL_GRACE_MS);
      resolve('aborted');
      child.kill();
    };
  });
  if (signal.aborted)
    onAbort(); // while execa was loaded
  else signal.addEventListener('abort', onAbort, { once: true });
  return {
    seen,
    graceOver,
    forget: () => {
      signal.removeEventListener('abort', onAbort);
      clearTimeout(clock);
    },
  };
}

function resultOf(outcome: Outcome, shown: string, program: string, exitCodes: readonly number[]): CommandResult {
  const { stdout, stderr, exitCode, killedBy } = outcome;
  if (outcome.tooMuchOutput) {
    throw new StowageError('internal', `'${shown}' was stopped: it wrote more than ${MAX_OUTPUT_BYTES} bytes`);
  }
  if (outcome.errno === 'ENOENT') {
    const what = `'${program}' was not found on ${searchPath()}: install it on this node or in the driver's image`;
    throw new StowageError('internal', what);
  }
  if (exitCode === undefined) {
    const how = killedBy === undefined ? `did not start: ${outcome.problem}` : `was ended by ${killedBy}`;
    throw new StowageError('internal', `'${shown}' ${how}${endOf(stderr)}`);
  }
  if (!exitCodes.includes(exitCode)) {
    throw new StowageError('internal', `'${shown}' failed with exit code ${exitCode}${endOf(stderr)}`);
  }
  return { stdout, stderr, exitCode };
}

function endOf(stderr: string): string {
  const text = stderr.trim();
  return text === '' ? '' : `: ${text.slice(-MAX_STDERR_CHARS)}`;
}

/** The error that a signal stands for: its own reason if that is one of ours, else by its name (AbortSignal.timeout: TimeoutError). */
function abortError(signal: AbortSignal, what: string, stderr = ''): StowageError {
  const reason: unknown = signal.reason;
  if (isStowageError(reason)) return reason;
  const isTimeout = typeof reason === 'object' && reason !== null && 'name' in reason && reason.name === 'TimeoutError';
  const why = isTimeout ? 'the deadline passed' : 'the caller gave up';
  return new StowageError(isTimeout ? 'timeout' : 'cancelled', `${why}: ${what}${endOf(stderr)}`, { cause: reason });
}

/** The same for a child that is still there: that must be said, also where the reason is one of our errors. */
function stuckError(signal: AbortSignal, what: string): StowageError {
  const reason: unknown = signal.reason;
  if (!isStowageError(reason)) return abortError(signal, what);
  return new StowageError(reason.code, `${reason.message}; ${what}`, { cause: reason });
}
