import { StowageError } from '../errors.ts';

/** The reason of a signal by which the driver ends work at its own end: what was begun is for its next start. */
export const DRIVER_STOPS = new StowageError('cancelled', 'the driver stops; its next start goes on');

/** Throws 'timeout' or 'cancelled' (or the signal's own StowageError) if the signal has been given. `what` says what ends: "making volume v1". */
export function endIfAborted(signal: AbortSignal, what: string): void {
  if (signal.aborted) throw abortError(signal, what);
}

/** Settles as `work` does, or rejects at the signal. `work` goes on unheard: only for what leaves nothing behind. */
export async function raceSignal<T>(work: Promise<T>, signal: AbortSignal, what: string): Promise<T> {
  endIfAborted(signal, what);
  const { promise: aborted, resolve } = deferred();
  signal.addEventListener('abort', resolve, { once: true });
  try {
    return await Promise.race([
      work,
      aborted.then(() => {
        throw abortError(signal, what);
      }),
    ]);
  } finally {
    signal.removeEventListener('abort', resolve);
  }
}

function abortError(signal: AbortSignal, what: string): StowageError {
  const reason: unknown = signal.reason;
  if (reason instanceof StowageError) return reason;
  // AbortSignal.timeout() gives a DOMException, which is no Error of this realm in every runtime.
  const timedOut = typeof reason === 'object' && reason !== null && 'name' in reason && reason.name === 'TimeoutError';
  return timedOut
    ? new StowageError('timeout', `${what}: not done by the deadline`, { cause: reason })
    : new StowageError('cancelled', `${what}: cancelled by the caller`, { cause: reason });
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
