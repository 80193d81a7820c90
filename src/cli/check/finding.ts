/** A remark that is no fault begins so; see Backend.check. */
export const NOTE = 'note:';

/** One thing that was looked at on this machine. */
export interface Finding {
  readonly what: string;
  readonly found: string;
  /** What is wrong, and what to do; none where all is well. Those that begin with `note:` are no faults. */
  readonly remarks: readonly string[];
}

export function isFault(remark: string): boolean {
  return !remark.startsWith(NOTE);
}
