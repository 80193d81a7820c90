import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Files, TreeSize } from '../files.ts';
import { openFolder } from './beneath.ts';

const STAT_BLOCK_BYTES = 512; // st_blocks counts in these: stat(2)

interface Walk {
  readonly root: string;
  readonly device: number;
  readonly linked: Set<number>; // inodes of files with several names, which count once
  entriesLeft: number;
  bytes: number;
  inodes: number;
}

/** Counts as du -x does, without a child, as long as the tree is small. */
export const measureSmallTree: Files['measureSmallTree'] = async (root, maxEntries) => {
  const top = await lstat(root);
  const walk: Walk = {
    root,
    device: top.dev,
    linked: new Set(),
    entriesLeft: maxEntries,
    bytes: top.blocks * STAT_BLOCK_BYTES,
    inodes: 1,
  };
  return (await countFolder(walk, '')) ? sizeOf(walk) : undefined;
};

function sizeOf({ bytes, inodes }: Walk): TreeSize {
  return { bytes, inodes };
}

/** @returns false where there is more than may be counted */
async function countFolder(walk: Walk, relative: string): Promise<boolean> {
  const handle = await openFolder(walk.root, relative);
  try {
    for await (const entry of await opendir(handle.path)) {
      if (walk.entriesLeft-- === 0) return false;
      const stat = await lstat(join(handle.path, entry.name));
      if (stat.dev !== walk.device) continue;
      if (stat.nlink > 1 && !stat.isDirectory()) {
        if (walk.linked.has(stat.ino)) continue;
        walk.linked.add(stat.ino);
      }
      walk.bytes += stat.blocks * STAT_BLOCK_BYTES;
      walk.inodes++;
      if (stat.isDirectory() && !(await countFolder(walk, join(relative, entry.name)))) return false;
    }
    return true;
  } finally {
    await handle.close();
  }
}
