import { StowageError } from '../../errors.ts';
import { isNumber, isText, record } from './shapes.ts';

/** A path beneath a folder that the caller holds open: each worker reaches it through a descriptor of its own. */
export interface FolderPath {
  readonly folder: number; // the caller's handle
  readonly root: string;
  readonly relative: string; // of the folder, beneath the root
  readonly rest: string; // '' or '/...', of the path within the folder
}

/** The folders that callers of a share hold open. They outlive the worker that opened them: the next one opens them again when they are used. */
export interface Folders {
  /** Enters a folder that a worker opened. `path` is /proc/<its pid>/fd/<n>. */
  add(folder: number, opened: { readonly root: string; readonly relative: string }, path: string): void;
  remove(folder: number): void;
  /** What to send for a path. 'unavailable' for one through a descriptor that is not open (any more): it may by now lead anywhere. */
  locate(path: string): string | FolderPath;
  size(): number;
}

const THROUGH_DESCRIPTOR = /^(\/proc\/\d+\/fd\/\d+)(\/.*)?$/s;

/** @param share its name, for messages */
export function createFolders(share: string): Folders {
  const byPath = new Map<string, Omit<FolderPath, 'rest'>>();

  function locate(path: string): string | FolderPath {
    const [, start, rest = ''] = THROUGH_DESCRIPTOR.exec(path) ?? [];
    if (start === undefined) return path;
    const open = byPath.get(start);
    if (open !== undefined) return { ...open, rest };
    throw new StowageError(
      'unavailable',
      `${share}: ${path} leads through a folder that is not open any more; call again`,
    );
  }

  return {
    add(folder, { root, relative }, path) {
      // A worker's number and descriptor come again only after millions of processes; then nobody may be led into the other's folder.
      if (byPath.has(path)) throw new StowageError('unavailable', `${share}: ${path} is taken; call again`);
      byPath.set(path, { folder, root, relative });
    },
    remove(folder) {
      for (const [path, open] of byPath) if (open.folder === folder) byPath.delete(path);
    },
    locate,
    size: () => byPath.size,
  };
}

export const isFolderPath = record<FolderPath>({ folder: isNumber, root: isText, relative: isText, rest: isText });
