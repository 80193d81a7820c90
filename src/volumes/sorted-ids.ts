/** Ids in order, for paging: adding and removing cost a binary search and a memory move, also at 100,000. */
export interface SortedIds {
  add(id: string): void;
  remove(id: string): void;
  /** The ids behind `after`, in order. */
  from(after: string | undefined): Iterable<string>;
}

export function createSortedIds(): SortedIds {
  const ids: string[] = [];

  /** The first place whose id is not below `id`. */
  function place(id: string): number {
    let low = 0;
    let high = ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ids[middle] ?? '') < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    add(id) {
      const at = place(id);
      if (ids[at] !== id) ids.splice(at, 0, id);
    },
    remove(id) {
      const at = place(id);
      if (ids[at] === id) ids.splice(at, 1);
    },
    *from(after) {
      let at = after === undefined ? 0 : place(after);
      if (ids[at] === after) at++;
      for (; at < ids.length; at++) yield ids[at] ?? '';
    },
  };
}
