import { StowageError } from '../errors.ts';

/** setTimeout's largest delay; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface Deadline {
  readonly signal: AbortSignal;
  /** Ends the call early, for `reason`. */
  abort(reason: StowageError): void;
  /** The client hung up: it gave up, or its own deadline passed a moment before ours. */
  hangUp(): void;
  /** Frees the timer; the call is over. */
  clear(): void;
}

/** What is left of the client's time when the call ends, so that the answer, which says why, is there in time: a tenth, at most this. */
const ANSWER_MS_MAX = 2_000;

/**
 * A signal that aborts shortly before the client's deadline or after the server's own limit, whichever comes first.
 * @param clientDeadline milliseconds since 1970 or a Date; Infinity where the client set none
 * @param limitMs the server's limit in milliseconds
 */
export function createDeadline(clientDeadline: Date | number, limitMs: number): Deadline {
  const controller = new AbortController();
  const leftMs = Number(clientDeadline) - Date.now();
  const workMs = leftMs - Math.min(leftMs / 10, ANSWER_MS_MAX);
  const waitMs = Math.max(0, Math.min(workMs, limitMs, MAX_TIMER_MS));
  const expire = () => {
    const whose = leftMs < limitMs ? 'of the caller' : 'of the driver';
    controller.abort(new StowageError('timeout', `not done at the deadline ${whose}; call again to go on`));
  };
  const timer = setTimeout(expire, waitMs);
  timer.unref();
  let isOver = false;
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    hangUp: () => {
      if (isOver) return; // grpc-js says so at the end of every call
      if (Date.now() >= Number(clientDeadline)) expire();
      else controller.abort(new StowageError('cancelled', 'the caller gave up'));
    },
    clear: () => {
      isOver = true;
      clearTimeout(timer);
    },
  };
}
