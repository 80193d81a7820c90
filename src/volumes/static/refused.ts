import { StowageError } from '../../errors.ts';
import type { Place } from '../../staging/mounted.ts';

/** A place that is Stowage's own, with all that lies in it. */
export interface Reserved extends Place {
  readonly what: string; // in words: pool fast
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

export function refused(path: string, what: string): StowageError {
  return new StowageError(
    'precondition',
    `host path ${path} lies in ${what} of this driver, holds it, or is its device; use another path`,
  );
}
