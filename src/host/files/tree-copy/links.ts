import { StowageError } from '../../../errors.ts';
import type { Name } from './calls.ts';
import type { Folder } from './job.ts';

/** Where the copy of a file with several names lies. */
export interface Place {
  readonly folder: Folder;
  readonly name: Name;
  readonly inode: bigint; // of the copy
}

/** Files with several names, whose first one to be met is copied, and the others become names of that copy. */
export interface Links {
  /**
   * @param inode the source's
   * @param first copies it; undefined where it went away meanwhile, so that the next name is the first one
   * @param further makes a further name of that copy
   */
  copy(
    inode: bigint,
    names: number,
    first: () => Promise<Place | undefined>,
    further: (place: Place) => Promise<void>,
  ): Promise<void>;
}

/** About 200 bytes each: what a worker's memory has room for. */
const MAX_LINKED = 500_000;

export function createLinks(maxLinked = MAX_LINKED): Links {
  const known = new Map<bigint, { readonly place: Promise<Place | undefined>; left: number }>();

  return {
    async copy(inode, names, first, further) {
      for (let met = known.get(inode); met !== undefined; met = known.get(inode)) {
        const place = await met.place;
        if (place !== undefined) {
          await further(place);
          met.left -= 1;
          if (met.left === 0) known.delete(inode);
          return;
        }
        if (known.get(inode) === met) known.delete(inode);
      }
      if (known.size >= maxLinked) {
        throw new StowageError(
          'precondition',
          `more than ${maxLinked} files wait for their other names at once; a tree with so many hard links cannot be copied`,
        );
      }
      const place = first();
      known.set(inode, { place, left: names - 1 });
      await place;
    },
  };
}
