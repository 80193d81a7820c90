import type { Files } from '../../host/files.ts';
import type { Item } from '../backend.ts';
import { SUPERBLOCK_BYTES } from '../block/superblock.ts';
import type { Places } from '../places.ts';

export type ReadStart = (item: Item) => Promise<Uint8Array | undefined>;

/**
 * Reads the start of items' files, one after another, and no more than once at a time for each: a read of a disk that hangs blocks its thread for good,
 * and libuv has four for the whole process. undefined where the file is not there.
 */
export function createReadStart(files: Pick<Files, 'readStart'>, places: Pick<Places, 'at'>): ReadStart {
  const waiting = new Map<string, Promise<Uint8Array | undefined>>(); // by the item's id
  let last: Promise<unknown> = Promise.resolve();

  return (item) => {
    const joined = waiting.get(item.id);
    if (joined !== undefined) return joined;
    const read = last
      .then(() => places.at(item, (path) => files.readStart(path, SUPERBLOCK_BYTES)))
      .finally(() => waiting.delete(item.id));
    waiting.set(item.id, read);
    last = read.catch(() => undefined); // whoever asked hears of it
    return read;
  };
}
