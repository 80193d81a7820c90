/** What one share may take of this machine, and of its callers' time. */
export interface ShareLimits {
  readonly callMs: number; // from a call's turn to its answer, and again for the wait for its turn
  readonly startMs: number; // a worker's start
  readonly graceMs: number; // from the end of a copy's or removal's signal to its answer; a child's takes up to 1 s
  readonly idleMs: number; // then a worker without work ends
  readonly running: number; // calls under way at once
  readonly longRunning: number; // copies, removals of trees and allocations under way at once
  readonly waiting: number; // calls in line, and as many long ones
  readonly unkillable: number; // processes that may live beside the two at work: killed ones in D state
  readonly firstRetryMs: number; // after a server was silent, calls fail at once for so long
  readonly longestRetryMs: number; // twice as long each time, up to this
}

export const SHARE_LIMITS: ShareLimits = {
  callMs: 10_000,
  startMs: 20_000,
  graceMs: 3_000,
  idleMs: 60_000,
  running: 8,
  longRunning: 4,
  waiting: 1_000,
  unkillable: 3,
  firstRetryMs: 1_000,
  longestRetryMs: 30_000,
};
