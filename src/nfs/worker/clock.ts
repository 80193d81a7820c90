/** Time, so that tests can hold it still. */
export interface Clock {
  readonly nowMs: () => number;
  /** Calls `act` once after that time, unless what it returns is called before. */
  readonly after: (delayMs: number, act: () => void) => () => void;
}

export const systemClock = clockOf((act, delayMs) => setTimeout(act, delayMs));

/** The same; for its sake no process lives on. */
export const backgroundClock = clockOf((act, delayMs) => setTimeout(act, delayMs).unref());

function clockOf(begin: (act: () => void, delayMs: number) => NodeJS.Timeout): Clock {
  return {
    nowMs: () => performance.now(),
    after(delayMs, act) {
      const timer = begin(act, delayMs);
      return () => clearTimeout(timer);
    },
  };
}
