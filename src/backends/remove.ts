import { errnoOf, messageOf } from '../errors.ts';
import type { Files } from '../host/files.ts';
import type { Item } from './backend.ts';
import type { BackendLog } from './log.ts';

/** How long what a failed or finished piece of work left may take to be removed. */
export const CLEANUP_TIMEOUT_MS = 30_000;
/** What rmdir(2) says of a folder that is not empty (POSIX allows EEXIST too), or is protected (chattr(1)): removeTree is for both. */
const MORE_TO_DO = ['ENOTEMPTY', 'EEXIST', 'EPERM'];

/**
 * Removes whatever is at a path of a pool; nothing where it is missing. Tries without looking, since on a share each look is a wait, and an empty folder needs no child.
 */
export async function removeEntry(files: Files, path: string, signal: AbortSignal): Promise<void> {
  try {
    await files.removeFolder(path);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'ENOTDIR') await files.removeFile(path);
    else if (MORE_TO_DO.includes(errno)) await files.removeTree(path, signal);
    else throw error;
  }
}

/** Removes what a failed creation left, or says that it stays: the failure itself is what the caller hears of. */
export async function removeHalfMade(
  remove: (path: string, signal: AbortSignal) => Promise<void>,
  log: BackendLog,
  path: string,
  item: Item,
): Promise<void> {
  try {
    await remove(path, AbortSignal.timeout(CLEANUP_TIMEOUT_MS));
  } catch (error) {
    log.warn(
      { item: item.id, error: messageOf(error) },
      'a half-made item stays in the temporary folder until the next start',
    );
  }
}
