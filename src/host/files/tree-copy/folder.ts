import { closeSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { errnoOf, StowageError } from '../../../errors.ts';
import { DT_REG, folderEntries } from '../../folder-entries.ts';
import { close } from '../fd.ts';
import { readAttributes, writeAttributes } from './attributes.ts';
import { entryPath, type Name, openedPath, refresh, statEntry, statOf } from './calls.ts';
import { copyEntry, type OpenPair, openListed, sizeOf } from './entry.ts';
import { named } from './errors.ts';
import { type Folder, type Job, settleAll } from './job.ts';
import { openFolderOf, shownPath, withFolderOf } from './paths.ts';
import { removeEntry } from './remove-entry.ts';
import { readInheritance } from './xattrs.ts';

/** As deep as a path can lead that a program says at once (PATH_MAX). */
const MAX_DEPTH = 2048;
/** About 100 bytes each: what a worker's memory has room for. */
const MAX_WAITING = 500_000;
const NEW_MODE = 0o700;

/** Copies a folder's entries; those that are folders wait for their turn. What is gone meanwhile is left out. */
export async function copyFolder(job: Job, folder: Folder): Promise<void> {
  job.signal.throwIfAborted();
  const source = await openSource(job, folder);
  if (source !== undefined) {
    try {
      await withFolderOf(job.target, folder, async (target) => {
        const inheritance = await readInheritance(job, openedPath(target));
        await copyEntries(job, { folder, source, target, inheritance });
      });
    } catch (error) {
      throw named(error, shownPath(folder));
    } finally {
      closeSync(source);
    }
  }
  await settle(job, folder);
}

/** undefined where it is gone: then its copy goes, too. */
async function openSource(job: Job, folder: Folder): Promise<number | undefined> {
  try {
    return await openFolderOf(job.source, folder);
  } catch (error) {
    const isGone = ['ENOENT', 'ESTALE', 'ELOOP', 'ENOTDIR'].includes(errnoOf(error) ?? '');
    if (!isGone || folder.parent === undefined) throw named(error, shownPath(folder));
    await withFolderOf(job.target, folder.parent, (parent) => removeEntry(job, parent, folder.name));
    return undefined;
  }
}

async function copyEntries(job: Job, pair: OpenPair): Promise<void> {
  const { folder, source, target } = pair;
  await refresh(source);
  const attributes = await readAttributes(job, source, statOf(source));
  folder.complete = (fd) => writeAttributes(job, attributes, fd);
  const leftovers = folder.isNew ? new Set<Name>() : await namesIn(target);
  for await (const listed of entriesOf(source)) {
    await settleAll(listed.map((one) => job.inTurn(() => copyOne(job, pair, one, leftovers))));
  }
  for (const name of leftovers) await removeEntry(job, target, name);
}

/** @param leftovers loses the name of what is there */
async function copyOne(job: Job, pair: OpenPair, { name, isFile }: Listed, leftovers: Set<Name>): Promise<void> {
  job.signal.throwIfAborted();
  try {
    const opened = await openListed(pair.source, name, isFile);
    if (opened === undefined) return;
    try {
      const stat = statOf(opened.ref);
      leftovers.delete(name);
      if (stat.isDirectory()) {
        await enter(job, pair, name);
        return;
      }
      job.progress.filesFound += 1;
      job.progress.bytesFound += sizeOf(stat);
      const entry = { name, ...opened, stat, counted: 0 };
      await copyEntry(job, pair, entry);
      job.progress.files += 1;
      job.progress.bytes += sizeOf(stat) - entry.counted;
      job.report();
    } finally {
      await close(opened.ref); // to a server
    }
  } catch (error) {
    throw named(error, shownPath(pair.folder, name));
  }
}

/** Makes the folder in the target, and lets it wait for its turn. */
async function enter(job: Job, { folder, target }: OpenPair, name: Name): Promise<void> {
  if (folder.depth >= MAX_DEPTH)
    throw new StowageError('precondition', `folders lie more than ${MAX_DEPTH} deep here, which cannot be copied`);
  if (job.waiting.length >= MAX_WAITING)
    throw new StowageError('precondition', `more than ${MAX_WAITING} folders wait to be copied at once`);
  const isNew = folder.isNew || !(await isFolderThere(job, target, name));
  if (isNew) await mkdir(entryPath(target, name), NEW_MODE);
  folder.pending += 1;
  job.waiting.push(newFolder(folder, name, isNew));
}

/** False where there is nothing, or no more: another thing of that name is removed. */
async function isFolderThere(job: Job, target: number, name: Name): Promise<boolean> {
  const there = await statEntry(target, name);
  if (there === undefined) return false;
  if (!there.isDirectory()) await removeEntry(job, target, name);
  return there.isDirectory();
}

export function newFolder(parent: Folder | undefined, name: Name, isNew: boolean): Folder {
  return { parent, name, isNew, depth: parent === undefined ? 0 : parent.depth + 1, pending: 1, complete: undefined };
}

/** One thing less that the folder waits for; the last one completes it, and its parent waits for one less. */
async function settle(job: Job, folder: Folder): Promise<void> {
  for (let at: Folder | undefined = folder; at !== undefined; at = at.parent) {
    at.pending -= 1;
    if (at.pending > 0) return;
    const { complete } = at;
    if (complete === undefined) continue;
    try {
      await withFolderOf(job.target, at, complete);
    } catch (error) {
      throw named(error, shownPath(at));
    }
  }
}

interface Listed {
  readonly name: Name;
  readonly isFile: boolean; // as far as the folder tells
}

async function* entriesOf(folderFd: number): AsyncGenerator<Listed[]> {
  for await (const entries of folderEntries(folderFd)) {
    yield entries.map(({ name, type }) => ({
      name: name.toString('latin1', 0, name.length - 1),
      isFile: type === DT_REG,
    }));
  }
}

/** What an earlier copy left: it may not be readable for others than its owner yet. */
async function namesIn(folderFd: number): Promise<Set<Name>> {
  const found = new Set<Name>();
  if ((statOf(folderFd).mode & BigInt(NEW_MODE)) !== BigInt(NEW_MODE)) {
    await chmod(openedPath(folderFd), NEW_MODE);
  }
  for await (const listed of entriesOf(folderFd)) for (const { name } of listed) found.add(name);
  return found;
}
