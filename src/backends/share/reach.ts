import { errnoOf, StowageError } from '../../errors.ts';

/**
 * What a folder beneath a share answers where it cannot be reached, in words: whoever writes to the share may have put anything in the way.
 * @param path relative to the share
 */
export async function reaching<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === 'ELOOP') {
      throw new StowageError(
        'precondition',
        `${path} on the share is reached by a link, and links are not followed: put the folder itself there`,
        { cause },
      );
    }
    if (errno === 'ENOTDIR')
      throw new StowageError('precondition', `${path} on the share is no folder, or lies beneath a file`, { cause });
    throw cause;
  }
}
