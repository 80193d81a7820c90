import { closeSync, constants } from 'node:fs';
import { link, symlink } from 'node:fs/promises';
import { errnoOf, StowageError } from '../../../errors.ts';
import { close, fsync, O_PATH, OWN_FILE_FLAGS, open, READ_FLAGS } from '../fd.ts';
import { isComplete, readAttributes, writeAttributes } from './attributes.ts';
import {
  type BigStat,
  entryPath,
  makeNode,
  type Name,
  openBeneath,
  openedPath,
  readOpenedLink,
  statEntry,
  statOf,
} from './calls.ts';
import { copyData } from './data.ts';
import type { Folder, Job } from './job.ts';
import type { Place } from './links.ts';
import { withFolderOf } from './paths.ts';
import { removeEntry } from './remove-entry.ts';
import type { Inheritance } from './xattrs.ts';

/** A folder that is being copied: both are open. */
export interface OpenPair {
  readonly folder: Folder;
  readonly source: number;
  readonly target: number;
  readonly inheritance: Inheritance;
}

/** What is no folder, as it was found in its folder. */
export interface Entry {
  readonly name: Name;
  readonly ref: number; // of the source, with O_PATH
  readonly isOpen: boolean; // for reading, instead of O_PATH
  readonly stat: BigStat;
  counted: number; // bytes that progress has of it
}

const REFERENCE = O_PATH | constants.O_NOFOLLOW;
const NEW_MODE = 0o600;
/** A copy in the making is out of others' reach. */
const NEW_MODE_BITS = 0o777;
const FILE_TYPE_BITS = 0o170000n;

/** What open(2) says of an entry that was removed meanwhile; ESTALE by other clients of a server. */
const GONE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ESTALE']);

/** What it says of what is no file: a link, a socket, a device, a mount. */
const OTHER_THING: ReadonlySet<string | undefined> = new Set(['ELOOP', 'ENXIO', 'EACCES', 'EXDEV']);

/** A reference to an entry as it lies there now: nothing swapped in later leads elsewhere. undefined where it is gone. */
async function refer(folderFd: number, name: Name): Promise<number | undefined> {
  try {
    return await openBeneath(folderFd, name, REFERENCE);
  } catch (error) {
    if (GONE.has(errnoOf(error))) return undefined;
    if (errnoOf(error) !== 'EXDEV') throw error;
    throw new StowageError('precondition', 'another file system is mounted here, and a copy holds one only', {
      cause: error,
    });
  }
}

/** What a folder lists as a file is opened at once; a device swapped in does not open on a share, which is mounted with nodev. */
export async function openListed(folderFd: number, name: Name, isListedAsFile: boolean) {
  if (isListedAsFile) {
    try {
      return { ref: await openBeneath(folderFd, name, READ_FLAGS), isOpen: true };
    } catch (error) {
      if (GONE.has(errnoOf(error))) return undefined;
      if (!OTHER_THING.has(errnoOf(error))) throw error;
    }
  }
  const ref = await refer(folderFd, name);
  return ref === undefined ? undefined : { ref, isOpen: false };
}

/** Copies what is no folder: what is complete from an earlier time stays, another thing of its name goes. */
export async function copyEntry(job: Job, pair: OpenPair, entry: Entry): Promise<void> {
  const { name, stat } = entry;
  if (stat.nlink <= 1n) {
    await copyOnce(job, pair, entry);
    return;
  }
  const first = async (): Promise<Place | undefined> => {
    const copied = await copyOnce(job, pair, entry);
    return copied === undefined ? undefined : { folder: pair.folder, name, inode: copied.ino };
  };
  await job.links.copy(stat.ino, Number(stat.nlink), first, (place) => makeLink(job, pair, name, place));
}

/** @returns what the copy is; undefined where the source is gone */
async function copyOnce(job: Job, pair: OpenPair, entry: Entry): Promise<BigStat | undefined> {
  const { name, ref, stat } = entry;
  const there = await statThere(pair, name);
  if (there !== undefined) {
    if (isComplete(stat, there) && (!stat.isSymbolicLink() || (await haveSameText(pair, name, ref)))) {
      job.progress.filesKept += 1;
      return there;
    }
    await removeEntry(job, pair.target, name);
  }
  return stat.isFile() ? copyFile(job, pair, entry) : copySpecial(job, pair, entry);
}

/** What an earlier copy left under that name. */
function statThere({ folder, target }: OpenPair, name: Name): Promise<BigStat | undefined> {
  return folder.isNew ? Promise.resolve(undefined) : statEntry(target, name);
}

async function haveSameText({ target }: OpenPair, name: Name, ref: number): Promise<boolean> {
  const there = await openBeneath(target, name, REFERENCE);
  try {
    return (await readOpenedLink(there)).equals(await readOpenedLink(ref));
  } finally {
    closeSync(there);
  }
}

async function copyFile(job: Job, pair: OpenPair, entry: Entry): Promise<BigStat | undefined> {
  const source = entry.isOpen ? entry.ref : await openSource(entry.ref);
  if (source === undefined) return undefined;
  try {
    // Opening asked the server: what was known before may be old. And what is written from now on makes the copy incomplete.
    const stat = statOf(source);
    const target = await openBeneath(pair.target, entry.name, OWN_FILE_FLAGS, Number(stat.mode) & NEW_MODE_BITS);
    try {
      const made = { stat: statOf(target), inheritance: pair.inheritance };
      const isCloned = await copyData(job, source, target, stat, (bytes) => {
        entry.counted += bytes;
      });
      await writeAttributes(job, await readAttributes(job, source, stat), target, {
        made,
        ...(isCloned ? {} : { flush: () => fsync(target) }),
      });
      return statOf(target);
    } finally {
      await close(target); // to a server
    }
  } finally {
    if (!entry.isOpen) await close(source);
  }
}

/** undefined where it is gone. */
async function openSource(ref: number): Promise<number | undefined> {
  try {
    return await open(openedPath(ref), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (GONE.has(errnoOf(error))) return undefined;
    throw error;
  }
}

/** A link, fifo, socket or device node. */
async function copySpecial(job: Job, pair: OpenPair, { name, ref, stat }: Entry): Promise<BigStat> {
  if (stat.isSymbolicLink()) await symlink(await readOpenedLink(ref), entryPath(pair.target, name));
  else await makeNode(pair.target, name, Number(stat.mode & FILE_TYPE_BITS) | NEW_MODE, stat.rdev);
  const target = await openBeneath(pair.target, name, REFERENCE);
  try {
    await writeAttributes(job, await readAttributes(job, ref, stat), target);
    return statOf(target);
  } finally {
    closeSync(target);
  }
}

async function makeLink(job: Job, pair: OpenPair, name: Name, first: Place): Promise<void> {
  const there = await statThere(pair, name);
  if (there !== undefined) {
    if (there.ino === first.inode) {
      job.progress.filesKept += 1;
      return;
    }
    await removeEntry(job, pair.target, name);
  }
  await withFolderOf(job.target, first.folder, (folderFd) =>
    link(entryPath(folderFd, first.name), entryPath(pair.target, name)),
  );
}

/** The bytes that an entry counts for. */
export function sizeOf(stat: BigStat): number {
  return stat.isFile() ? Number(stat.size) : 0;
}
