import type { Clock } from './worker/clock.ts';

/** Says of one thing that nobody has used it for long. */
export interface IdleClock {
  /** From now on nobody uses it. */
  start(): void;
  stop(): void;
  /** Since when nobody uses it, by the clock's own time. */
  sinceMs(): number;
}

/**
 * A clock that runs is left alone: it looks how long the thing has been idle when it rings. A timer for each use would cost more than many a call.
 * @param onIdle is told once that nobody has used it for so long
 */
export function createIdleClock(deps: {
  readonly clock: Clock;
  readonly idleMs: number;
  readonly isUsed: () => boolean;
  readonly onIdle: () => void;
}): IdleClock {
  const { clock, idleMs, isUsed, onIdle } = deps;
  let sinceMs = clock.nowMs();
  let cancel: (() => void) | undefined;

  function ringIn(delayMs: number): void {
    cancel = clock.after(delayMs, () => {
      cancel = undefined;
      if (isUsed()) return; // its end starts the clock
      const leftMs = sinceMs + idleMs - clock.nowMs();
      if (leftMs > 0) ringIn(leftMs);
      else onIdle();
    });
  }

  return {
    start() {
      sinceMs = clock.nowMs();
      if (cancel === undefined) ringIn(idleMs);
    },
    stop() {
      cancel?.();
      cancel = undefined;
    },
    sinceMs: () => sinceMs,
  };
}
