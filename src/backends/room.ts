import { errnoOf, messageOf, StowageError } from '../errors.ts';

/**
 * The error to throw for one that met a full file system or a full quota, by its errno or, from a child, by its words;
 * any other error is given back as it is. `what` says what was being done.
 */
export function explainFull(error: unknown, what: string): unknown {
  const errno = errnoOf(error);
  const words = messageOf(error);
  if (errno === 'EDQUOT' || words.includes('Disk quota exceeded')) {
    return new StowageError('out-of-range', `${what}: the content does not fit into the size asked for; ask for more`, {
      cause: error,
    });
  }
  if (errno === 'ENOSPC' || words.includes('No space left on device')) {
    return new StowageError('exhausted', `${what}: the pool's file system is full; free some space or add a disk`, {
      cause: error,
    });
  }
  return error;
}
