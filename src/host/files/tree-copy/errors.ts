import { isStowageError, StowageError } from '../../../errors.ts';
import { systemError } from '../../libc.ts';

const withPath = new WeakSet<object>();

/** The error with the path in the tree at which it happened, instead of a descriptor's; as it is where it has one, and where it is the caller's end. */
export function named(error: unknown, path: string): unknown {
  if (typeof error !== 'object' || error === null || withPath.has(error)) return error;
  const better = betterError(error, path);
  withPath.add(better);
  return better;
}

function betterError(error: object, path: string): object {
  if (isStowageError(error) && error.code !== 'cancelled' && error.code !== 'timeout')
    return new StowageError(error.code, `'${path}': ${error.message}`, { cause: error });
  if ('errno' in error && typeof error.errno === 'number' && 'syscall' in error)
    return systemError(-error.errno, String(error.syscall), path);
  return error;
}
