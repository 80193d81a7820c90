/** Says after a failure for how long nobody need try again, and lets one try before all. */
export interface Breaker {
  /** Leave to try, whose outcome must be said; or how long to wait, where it is open. */
  enter(): Attempt | Refusal;
  /** False from a failure until a try succeeds. */
  isClosed(): boolean;
}

/** Leave to try. Outcomes of tries from before the last failure, and second ones, count for nothing. */
export interface Attempt {
  readonly type: 'attempt';
  readonly succeeded: () => void;
  readonly failed: () => void;
}

export interface Refusal {
  readonly type: 'refusal';
  readonly retryAfterMs: number; // 0 while another one tries
}

export interface BreakerTimes {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** A closed breaker. It stays open for firstMs after the first failure, twice as long after each further one in a row, at most longestMs. */
export function createBreaker(times: BreakerTimes, nowMs: () => number): Breaker {
  let failures = 0; // in a row, each of them of the one that tried
  let openUntilMs = 0;
  let isBeingTried = false;
  let epoch = 0;

  function attempt(): Attempt {
    const begun = epoch;
    const settle = (isFailure: boolean) => {
      if (begun !== epoch) return;
      isBeingTried = false;
      if (!isFailure) {
        failures = 0;
        return;
      }
      epoch += 1;
      openUntilMs = nowMs() + Math.min(times.longestMs, times.firstMs * 2 ** failures);
      failures += 1;
    };
    return { type: 'attempt', succeeded: () => settle(false), failed: () => settle(true) };
  }

  return {
    enter() {
      if (failures === 0) return attempt();
      const retryAfterMs = Math.max(0, openUntilMs - nowMs());
      if (isBeingTried || retryAfterMs > 0) return { type: 'refusal', retryAfterMs };
      isBeingTried = true;
      return attempt();
    },
    isClosed: () => failures === 0,
  };
}
