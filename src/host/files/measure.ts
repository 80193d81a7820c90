import { lstatSync, opendirSync } from 'node:fs';
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
  const top = lstatSync(root); // in-process: see openFolder
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
    const folder = opendirSync(handle.path);
    try {
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
        if (walk.entriesLeft-- === 0) return false;
        if (!(await countEntry(walk, handle.path, relative, entry.name))) return false;
      }
      return true;
    } finally {
      folder.closeSync();
    }
  } finally {
    await handle.close();
  }
}

async function countEntry(walk: Walk, folder: string, relative: string, name: string): Promise<boolean> {
  const stat = lstatSync(join(folder, name));
  if (stat.dev !== walk.device) return true;
  if (stat.nlink > 1 && !stat.isDirectory()) {
    if (walk.linked.has(stat.ino)) return true;
    walk.linked.add(stat.ino);
  }
  walk.bytes += stat.blocks * STAT_BLOCK_BYTES;
  walk.inodes++;
  return !stat.isDirectory() || countFolder(walk, join(relative, name));
}
