import { ioctl, writesAndReads } from './btrfs-ioctl.ts';

const TREE_SEARCH_V2 = writesAndReads(17, 112);

/** struct btrfs_ioctl_search_args_v2: the key, the buffer's size, then the buffer: a header and the item, again and again. */
const SIZE_OFFSET = 104;
const HEAD_BYTES = 112;
const BUFFER_BYTES = 64 * 1024;
const ITEM_HEAD_BYTES = 32;

const LARGEST = (1n << 64n) - 1n;

/** A key of a btrfs tree. Keys are ordered by object, then type, then offset. */
export interface TreeKey {
  readonly objectId: bigint;
  readonly type: number;
  readonly offset: bigint;
}

export interface TreeItem extends TreeKey {
  readonly data: Buffer;
}

/** All items of a tree from one key to another, both included (TREE_SEARCH_V2). ENOENT where there is no such tree. */
export async function searchTree(
  fd: number,
  path: string,
  treeId: bigint,
  first: TreeKey,
  last: TreeKey,
): Promise<TreeItem[]> {
  const found: TreeItem[] = [];
  for (let from: TreeKey | undefined = first; from !== undefined && !isPast(from, last); ) {
    const part = await searchOnce(fd, path, treeId, from, last);
    found.push(...part);
    const end = part.at(-1);
    from = end === undefined ? undefined : after(end);
  }
  return found;
}

async function searchOnce(fd: number, path: string, treeId: bigint, first: TreeKey, last: TreeKey) {
  const args = Buffer.alloc(HEAD_BYTES + BUFFER_BYTES);
  const numbers = [treeId, first.objectId, last.objectId, first.offset, last.offset, 0n, LARGEST];
  numbers.forEach((value, index) => {
    args.writeBigUInt64LE(value, 8 * index);
  });
  args.writeUInt32LE(first.type, 56);
  args.writeUInt32LE(last.type, 60);
  args.writeUInt32LE(0xffffffff, 64); // as many as fit
  args.writeBigUInt64LE(BigInt(BUFFER_BYTES), SIZE_OFFSET);
  await ioctl(path, fd, TREE_SEARCH_V2, args);
  return parseItems(args, args.readUInt32LE(64));
}

function parseItems(args: Buffer, count: number): TreeItem[] {
  const items: TreeItem[] = [];
  let at = HEAD_BYTES;
  for (let index = 0; index < count; index++) {
    const dataBytes = args.readUInt32LE(at + 28);
    const start = at + ITEM_HEAD_BYTES;
    items.push({
      objectId: args.readBigUInt64LE(at + 8),
      offset: args.readBigUInt64LE(at + 16),
      type: args.readUInt32LE(at + 24),
      data: args.subarray(start, start + dataBytes),
    });
    at = start + dataBytes;
  }
  return items;
}

function isPast(key: TreeKey, last: TreeKey): boolean {
  if (key.objectId !== last.objectId) return key.objectId > last.objectId;
  if (key.type !== last.type) return key.type > last.type;
  return key.offset > last.offset;
}

/** The next possible key. */
function after({ objectId, type, offset }: TreeKey): TreeKey {
  if (offset < LARGEST) return { objectId, type, offset: offset + 1n };
  if (type < 255) return { objectId, type: type + 1, offset: 0n };
  return { objectId: objectId + 1n, type: 0, offset: 0n };
}
