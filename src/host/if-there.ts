import { readdir, readFile, rmdir } from 'node:fs/promises';
import { errnoOf } from '../errors.ts';

/** Names in a folder; none where it is missing. */
export function namesIn(folder: string): Promise<string[]> {
  return unlessMissing(() => readdir(folder), []);
}

/** A file's text; undefined where it is missing. */
export function readIfThere(path: string): Promise<string | undefined> {
  return unlessMissing(() => readFile(path, 'utf8'), undefined);
}

/** Removes an empty folder; nothing where it is missing. */
export function removeFolderIfThere(folder: string): Promise<void> {
  return unlessMissing(() => rmdir(folder), undefined);
}

/** What `act` gives; the other where it fails since something is missing (ENOENT). */
export async function unlessMissing<Answer, Otherwise>(
  act: () => Promise<Answer>,
  otherwise: Otherwise,
): Promise<Answer | Otherwise> {
  try {
    return await act();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return otherwise;
    throw error;
  }
}
