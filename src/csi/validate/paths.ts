import { StowageError } from '../../errors.ts';
import { invalid, required } from './fields.ts';

/** PATH_MAX of Linux is 4096 with its final NUL (limits.h). */
const MAX_PATH_BYTES = 4095;

/** An absolute path that must be there, without `.`, `..` and empty components. A slash at its end is dropped. */
export function requiredPath(field: string, value: string): string {
  required(field, value, MAX_PATH_BYTES);
  if (!value.startsWith('/')) throw invalid(field, 'is not an absolute path');
  return checkedPath(field, value);
}

/** An absolute path that may be left out. */
export function optionalPath(field: string, value: string): string | undefined {
  return value === '' ? undefined : requiredPath(field, value);
}

/**
 * The path of a volume in use. A relative one is no path that a volume was ever staged or published at, which csi-sanity
 * wants as NOT_FOUND.
 */
export function volumePath(field: string, value: string): string {
  required(field, value, MAX_PATH_BYTES);
  const path = checkedPath(field, value);
  if (value.startsWith('/')) return path;
  throw new StowageError('not-found', `${field} is a relative path, and no volume is there; it must be absolute`);
}

function checkedPath(field: string, value: string): string {
  const path = value.length > 1 && value.endsWith('/') ? value.slice(0, -1) : value;
  const parts = path.replace(/^\//, '').split('/');
  if (path === '/') throw invalid(field, 'is the root directory');
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw invalid(field, 'has an empty, "." or ".." component');
  }
  return path;
}
