import { messageOf, StowageError } from '../../errors.ts';
import { createIdleClock } from '../idle-clock.ts';
import type { Clock } from './clock.ts';
import type { Method } from './methods.ts';
import type { ToWorker } from './protocol.ts';
import type { Asked, OnProgress, Outcome, Worker } from './worker.ts';

/** The worker process of a share for one kind of calls, replaced when it does not answer. */
export interface Lane {
  /**
   * Asks the worker, starting it if need be. Rejects with 'unavailable' where it ends, or is ended, before it has answered.
   * @param end what ends the wait: a deadline, at which the worker is killed, or the caller's signal, at which only the call is ended
   */
  ask(
    method: Method,
    args: readonly unknown[],
    end: { deadlineMs: number } | { signal: AbortSignal; onProgress?: OnProgress | undefined },
  ): Promise<Outcome>;
  /** Tells the worker what needs no answer, where there is one. */
  tell(message: ToWorker): void;
  /** Ends the worker. Later calls start another. */
  stop(why: StowageError): void;
}

export interface LaneLimits {
  readonly startMs: number; // a worker's start
  readonly graceMs: number; // from the end of a call to that of what it began
  readonly idleMs: number; // then a worker without work ends
}

export interface LaneDeps {
  readonly share: string; // for messages: server:/share
  readonly clock: Clock;
  readonly limits: LaneLimits;
  /** Starts a worker; throws 'unavailable' where too many cannot be killed. */
  readonly start: () => Worker;
  /** Whether the worker keeps something open for a caller. */
  readonly isNeeded: () => boolean;
  readonly onKill: (why: StowageError) => void;
}

export function createLane({ share, clock, limits, start, isNeeded, onKill }: LaneDeps): Lane {
  let current: Worker | undefined;
  const isUsed = () => current !== undefined && current.pending() > 0;
  const idle = createIdleClock({ clock, idleMs: limits.idleMs, isUsed, onIdle: endIdle });

  function worker(): Worker {
    if (current !== undefined) return current;
    const started = start();
    current = started;
    started.gone.then(() => forget(started));
    return started;
  }

  function forget(ended: Worker): void {
    if (current === ended) current = undefined;
  }

  function kill(stuck: Worker, what: string): void {
    const why = new StowageError('unavailable', `${share} does not answer: ${what}`);
    forget(stuck);
    stuck.kill(why);
    onKill(why);
  }

  /** Waits with a limit, at which the worker is killed, so that what is waited for rejects. */
  async function within<T>(wait: Promise<T>, ms: number, of: Worker, what: string): Promise<T> {
    const cancel = clock.after(ms, () => kill(of, what));
    try {
      return await wait;
    } finally {
      cancel();
    }
  }

  async function untilAborted(asked: Asked, signal: AbortSignal, of: Worker, method: Method): Promise<Outcome> {
    let cancelGrace = () => {};
    const onAbort = () => {
      asked.abort(signal.reason);
      const what = `${method} did not end within ${limits.graceMs} ms of its end being asked for: ${messageOf(signal.reason)}`;
      cancelGrace = clock.after(limits.graceMs, () => kill(of, what));
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await asked.outcome;
    } finally {
      signal.removeEventListener('abort', onAbort);
      cancelGrace();
    }
  }

  /** An idle worker gives its memory back. */
  function endIdle(): void {
    const ending = current;
    if (ending === undefined) return;
    if (isNeeded()) {
      idle.start();
      return;
    }
    forget(ending);
    ending.kill(new StowageError('unavailable', `${share}: its worker has ended; call again`));
  }

  return {
    async ask(method, args, end) {
      const asking = worker();
      try {
        const { startMs } = limits;
        if (!asking.isReady()) {
          await within(asking.ready, startMs, asking, `its worker process was not ready within ${startMs} ms`);
        }
        if ('signal' in end) {
          return await untilAborted(asking.ask(method, args, end.onProgress), end.signal, asking, method);
        }
        const asked = asking.ask(method, args);
        const { deadlineMs } = end;
        return await within(asked.outcome, deadlineMs, asking, `${method} was not done within ${deadlineMs} ms`);
      } finally {
        if (asking === current && asking.pending() === 0) idle.start();
      }
    },
    tell: (message) => current?.tell(message),
    stop(why) {
      idle.stop();
      const ending = current;
      current = undefined;
      ending?.kill(why);
    },
  };
}
