import type { Commands } from '../../command.ts';
import type { TreeCopyProgress } from '../../files.ts';
import type { Name } from './calls.ts';
import type { Links } from './links.ts';

/** What all parts of one tree's copy know. */
export interface Job {
  readonly commands: Commands;
  /** Open folders. */
  readonly source: number;
  readonly target: number;
  /** The caller's end, or the first failure. */
  readonly signal: AbortSignal;
  readonly progress: { -readonly [Key in keyof TreeCopyProgress]: TreeCopyProgress[Key] };
  /** Tells the caller how far it is. */
  readonly report: () => void;
  /** Ways that this file system was found not to have are not tried again. */
  readonly can: { clone: boolean; copyRange: boolean; xattrs: boolean };
  readonly links: Links;
  /** Lets so many entries be worked on at once. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Folders whose entries are not copied yet: the last is taken first, so that few wait. */
  readonly waiting: Folder[];
}

/** A folder of the tree. Only its name is kept, no descriptor: trees may be deep. */
export interface Folder {
  readonly parent: Folder | undefined; // none: the root
  readonly name: Name;
  readonly depth: number;
  readonly isNew: boolean; // made by this copy, so that nothing of an earlier one is in it
  /** Itself until its entries are copied, and each folder in it that is not complete. */
  pending: number;
  /** Gives it its owner, mode, times and the like when all in it is complete; none where it is gone from the source. */
  complete: ((targetFd: number) => Promise<void>) | undefined;
}

/** Lets `limit` pieces of work run at once; the others wait in line. */
export function createTurns(limit: number): Job['inTurn'] {
  const line: (() => void)[] = [];
  let free = limit;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => line.push(resolve));
    try {
      return await work();
    } finally {
      const next = line.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

/** Waits for all, so that nothing works on after a failure; then throws the first one. */
export async function settleAll(work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}
