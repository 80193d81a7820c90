import { posix } from 'node:path';
import { StowageError } from '../../errors.ts';
import type { Item, SharePlace } from '../backend.ts';
import { shareLayout } from '../layout.ts';

/** Our own folder on a share: records, trash, snapshots. */
export const OWN_FOLDER = '.stowage';

/**
 * Checks that a new volume may lie there: not among our own things, and neither in, on nor around another volume's folder, unless both are
 * kept when they are deleted (`shared`).
 * @throws 'already-exists' naming the volume that lies there
 */
export function checkApart(place: SharePlace, items: readonly Item[]): void {
  if (isWithin(place.subDir, OWN_FOLDER)) {
    throw new StowageError('invalid', `subDir ${place.subDir}: ${OWN_FOLDER} is Stowage's own; use another`);
  }
  for (const item of items) {
    if (item.kind !== 'volume' || item.leaving === true) continue;
    const other = shareLayout(item);
    if (!isWithin(place.subDir, other.subDir) && !isWithin(other.subDir, place.subDir)) continue;
    if (place.subDir === other.subDir && place.shared && other.shared) continue;
    throw new StowageError(
      'already-exists',
      `subDir ${place.subDir}: volume ${item.id} lies in ${other.subDir}, and deleting one must not delete the other's data; use another subDir, or onDelete: retain for all volumes of one subDir`,
    );
  }
}

/** True if a relative path is the folder or lies beneath it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** The folder that a volume's own lies in, relative to the share; '' is the share itself. */
export function parentOf(subDir: string): string {
  const parent = posix.dirname(subDir);
  return parent === '.' ? '' : parent;
}

/** The error for what lies in a new volume's place. @param name relative to the share */
export function foreign(name: string): StowageError {
  return new StowageError(
    'already-exists',
    `${name} exists on the share already, and is no volume of ours; use another subDir, or onDelete: retain to use what is there`,
  );
}
