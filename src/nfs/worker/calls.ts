import { errnoOf, isStowageError, messageOf, StowageError } from '../../errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import { createBreaker } from './breaker.ts';
import type { Clock } from './clock.ts';
import type { Folders } from './folders.ts';
import { createLane } from './lane.ts';
import type { ShareLimits } from './limits.ts';
import { type Answer, type LongMethod, METHODS, type Method, type RemoteFiles } from './methods.ts';
import type { ToWorker } from './protocol.ts';
import { createQueue } from './queue.ts';
import type { OnProgress, Outcome, Worker } from './worker.ts';

type Arguments<M extends Method> = Parameters<RemoteFiles[M]>;

export interface LongWay {
  readonly signal: AbortSignal;
  readonly onProgress?: OnProgress | undefined;
}

/** Calls of a share's workers: one worker for what is short, and one for copies and removals, which a killed one of the other kind does not end. */
export interface Calls {
  short<M extends Exclude<Method, LongMethod>>(method: M, ...args: Arguments<M>): Promise<Answer<M>>;
  long<M extends LongMethod>(way: LongWay, method: M, ...args: Arguments<M>): Promise<Answer<M>>;
  /** Tells the workers what needs no answer. */
  tell(message: ToWorker): void;
  isAnswering(): boolean;
  stop(why: StowageError): void;
}

export interface CallsDeps {
  readonly share: string;
  readonly log: Logger;
  readonly limits: ShareLimits;
  readonly clock: Clock;
  readonly folders: Folders;
  readonly start: () => Worker;
  readonly isNeeded: () => boolean;
}

/** What a mount with softerr or soft says of a server that is silent or away. */
const SILENT: ReadonlySet<string | undefined> = new Set([
  'ETIMEDOUT',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNREFUSED',
  'ENOTCONN',
]);

export function createCalls({ share, log, limits, clock, folders, start, isNeeded }: CallsDeps): Calls {
  const breaker = createBreaker({ firstMs: limits.firstRetryMs, longestMs: limits.longestRetryMs }, clock.nowMs);
  const full = () =>
    new StowageError('unavailable', `${share}: ${limits.waiting} calls wait for it already; call again`);
  const queue = createQueue({ running: limits.running, waiting: limits.waiting }, full);
  const longQueue = createQueue({ running: limits.longRunning, waiting: limits.waiting }, full);
  const onKill = (why: StowageError) => log.warn({ share, error: why.message }, 'a worker of this share is killed');
  const laneDeps = { share, clock, limits, start, isNeeded, onKill };
  const lane = createLane(laneDeps);
  const longLane = createLane(laneDeps);
  let stopped: StowageError | undefined;

  /** The arguments as they are sent: paths through folders that the caller holds open in a form that every worker knows. */
  function located(method: Method, args: readonly unknown[]): unknown[] {
    const { paths } = METHODS[method];
    return args.map((arg, index) => (index < paths && typeof arg === 'string' ? folders.locate(arg) : arg));
  }

  async function attempt(method: Method, args: readonly unknown[]): Promise<Outcome> {
    if (stopped !== undefined) throw stopped;
    const sent = located(method, args);
    const entered = breaker.enter();
    if (entered.type === 'refusal') throw silent(`it did not before; another try in ${entered.retryAfterMs} ms`);
    try {
      const outcome = await lane.ask(method, sent, { deadlineMs: limits.callMs });
      if (outcome.type === 'error' && SILENT.has(errnoOf(outcome.error))) {
        throw silent(messageOf(outcome.error), outcome.error);
      }
      if (!breaker.isClosed()) log.info({ share }, 'the share answers again');
      entered.succeeded();
      return outcome;
    } catch (error) {
      entered.failed();
      throw error;
    }
  }

  function silent(what: string, cause?: Error): StowageError {
    return new StowageError('unavailable', `${share} does not answer: ${what}`, cause && { cause });
  }

  /** Waits for a turn no longer than for an answer. */
  async function inTurn(work: () => Promise<Outcome>): Promise<Outcome> {
    if (queue.length() < limits.running) return queue.run(work);
    const waited = new AbortController();
    const tooLong = `no turn within ${limits.callMs} ms; call again`;
    const cancel = clock.after(limits.callMs, () =>
      waited.abort(new StowageError('unavailable', `${share}: ${tooLong}`)),
    );
    const begun = () => {
      cancel();
      return work();
    };
    try {
      return await queue.run(begun, waited.signal);
    } finally {
      cancel();
    }
  }

  async function short<M extends Method>(method: M, ...args: Arguments<M>): Promise<Answer<M>> {
    return answerOf(method, await inTurn(() => attempt(method, args)));
  }

  async function long<M extends LongMethod>(way: LongWay, method: M, ...args: Arguments<M>): Promise<Answer<M>> {
    const { signal } = way;
    const work = async () => {
      // A server that is silent is found out here: what is long has no deadline of its own.
      await short('stat', args[0]);
      signal.throwIfAborted();
      const outcome = await longLane.ask(method, located(method, args), way);
      if (outcome.type === 'error' && SILENT.has(errnoOf(outcome.error))) {
        throw silent(messageOf(outcome.error), outcome.error);
      }
      return outcome;
    };
    try {
      return answerOf(method, await longQueue.run(work, signal));
    } catch (error) {
      throw error === signal.reason ? abortError(signal, `${method} ${args[0]}`) : error;
    }
  }

  return {
    short,
    long,
    tell(message) {
      lane.tell(message);
      longLane.tell(message);
    },
    isAnswering: breaker.isClosed,
    stop(why) {
      stopped = why;
      lane.stop(why);
      longLane.stop(why);
    },
  };
}

function answerOf<M extends Method>(method: M, outcome: Outcome): Answer<M> {
  if (outcome.type === 'error') throw outcome.error;
  const { isAnswer } = METHODS[method];
  if (isAnswer(outcome.value)) return outcome.value;
  throw new StowageError('internal', `${method}: the worker's answer is not what this version knows`);
}

function abortError(signal: AbortSignal, what: string): StowageError {
  const reason: unknown = signal.reason;
  if (isStowageError(reason)) return reason;
  const isTimeout = typeof reason === 'object' && reason !== null && 'name' in reason && reason.name === 'TimeoutError';
  const why = isTimeout ? 'the deadline passed' : 'the caller gave up';
  return new StowageError(isTimeout ? 'timeout' : 'cancelled', `${why}: ${what} did not begin`, { cause: reason });
}
