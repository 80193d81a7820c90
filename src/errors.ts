/** What went wrong, in the domain's words. Only `csi/status.ts` knows which gRPC status each becomes. */
export type ErrorCode =
  | 'invalid' // the request is malformed or contradicts itself
  | 'not-found' // the volume, snapshot, node or path does not exist
  | 'already-exists' // it exists, with other properties than those asked for
  | 'busy' // another operation on the same object is under way; call again
  | 'exhausted' // no room, no such pool here, or a limit is reached
  | 'out-of-range' // the size asked for cannot be had
  | 'precondition' // the object is not in the state that the call needs
  | 'unavailable' // a pool or server does not answer now; nothing is known to be lost
  | 'timeout' // the deadline passed
  | 'cancelled' // the caller gave up
  | 'unsupported' // the backend does not have this feature
  | 'data-loss' // a record or its data is damaged
  | 'internal'; // a fault of ours or of the system

/**
 * The one error class of the domain. The message says what was asked, what was found and what to do.
 * `cause` keeps the error beneath (a system call's, a command's).
 */
export class StowageError extends Error {
  override readonly name = 'StowageError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** True if `error` is a StowageError, of one of `codes` where any are given. */
export function isStowageError(error: unknown, ...codes: ErrorCode[]): error is StowageError {
  return error instanceof StowageError && (codes.length === 0 || codes.includes(error.code));
}

/** The error's message, for any thrown value. */
export function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}

/** The `code` of a system error such as ENOENT; undefined for any other thrown value. Its shape decides: errors may come from another realm. */
export function errnoOf(error: unknown): string | undefined {
  const isSystemError = typeof error === 'object' && error !== null && 'syscall' in error && 'code' in error;
  if (!isSystemError || typeof error.code !== 'string') return undefined;
  return error.code === NODE_EDQUOT ? 'EDQUOT' : error.code;
}

/** Node has no name for EDQUOT. */
const NODE_EDQUOT = 'Unknown system error -122';
