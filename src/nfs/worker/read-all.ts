import { errnoOf } from '../../errors.ts';
import type { Files, TextFile } from '../../host/files.ts';

/** Files of one batch, read side by side: on a share each is some round trips. */
const BATCH_FILES = 128;

/**
 * Files.readAll for a server: in threads, and throwing where the server does not answer. Only a file past maxBytes, or one that may not be
 * read, comes as ''; else a moment's trouble would pass for damaged records.
 */
export async function* readAll(
  files: Pick<Files, 'list' | 'read'>,
  folder: string,
  suffix: string,
  maxBytes: number,
): AsyncGenerator<TextFile[], undefined> {
  const names = (await files.list(folder)).filter((name) => name.endsWith(suffix));
  for (let start = 0; start < names.length; start += BATCH_FILES) {
    const batch = names.slice(start, start + BATCH_FILES);
    const texts = await Promise.all(batch.map((name) => readSmall(files, `${folder}/${name}`, maxBytes)));
    yield batch.flatMap((name, index) => {
      const text = texts[index];
      return text === undefined ? [] : [{ name, text }];
    });
  }
}

/** undefined for what has gone meanwhile, and for what is no regular file. */
async function readSmall(files: Pick<Files, 'read'>, path: string, maxBytes: number): Promise<string | undefined> {
  try {
    return await files.read(path, maxBytes);
  } catch (error) {
    switch (errnoOf(error)) {
      case 'ELOOP':
      case 'EISDIR':
      case 'EINVAL':
      case 'ENXIO': // a socket
        return undefined;
      case 'EFBIG':
      case 'EACCES':
      case 'EPERM':
        return '';
      default:
        throw error;
    }
  }
}
