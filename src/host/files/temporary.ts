import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';

const PATTERN = /^\..+\.[0-9a-f]{12}\.tmp$/;

/** The path of a temporary file beside `path`: `.<name>.<12 hex digits>.tmp`. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
}

/** True if a file of this name is one of ours that a crash may have left: no operation needs it, so it can be removed. */
export function isTemporary(name: string): boolean {
  return PATTERN.test(name);
}
