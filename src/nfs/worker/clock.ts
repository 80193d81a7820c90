/** Time, so that tests can hold it still. */
export interface Clock {
  readonly nowMs: () => number;
  /** Calls `act` once after that time, unless what it returns is called before. */
  readonly after: (delayMs: number, act: () => void) => () => void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, act) {
    const timer = setTimeout(act, delayMs);
    return () => clearTimeout(timer);
  },
};

/** The same; for its sake no process lives on. */
export const backgroundClock: Clock = {
  nowMs: systemClock.nowMs,
  after(delayMs, act) {
    const timer = setTimeout(act, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
