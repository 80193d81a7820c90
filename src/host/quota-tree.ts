import { closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { errnoOf, StowageError } from '../errors.ts';
import { type FileHandle, handleOf, openHandle } from './file-handles.ts';
import { type FolderEntry, folderEntries, mayHoldData, openEntry } from './folder-entries.ts';
import { readProject, setFileProjectId, setProjectId } from './quota-syscalls.ts';

/** What a walk through a tree found and did. */
export interface TreeRepair {
  readonly entries: number; // files and folders that were looked at
  readonly repaired: number;
  readonly failed: number; // those that could not be looked at or set back
  /** One of those repaired or failed: its path beneath the folder, cut to 200 characters, where the kernel can tell it. */
  readonly example: { readonly path: string | undefined; readonly projectId: number | undefined } | undefined;
}

const BATCH_ENTRIES = 32;
/** After this many entries the walk rests, and looks at its signal. */
const SLICE_ENTRIES = 256;
const REST_MAX_MS = 100;
/** Folders that wait to be visited cost about 50 bytes each. */
const WAITING_MAX = 1_000_000;
const PATH_MAX_CHARACTERS = 200;

const REOPEN = constants.O_RDONLY | constants.O_NONBLOCK;
const REOPEN_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

interface Walk {
  readonly rootFd: number;
  readonly root: string; // for messages
  readonly device: number;
  readonly projectId: number;
  readonly signal: AbortSignal;
  readonly waiting: FileHandle[];
  sliceBeganAtMs: number;
  sinceRest: number;
  entries: number;
  repaired: number;
  failed: number;
  example: TreeRepair['example'];
}

/**
 * Walks a tree and sets back what has another project id; see Quotas.repairTree. Folders wait as handles, not as paths: a tree may be deeper than
 * any path, and folders may be moved meanwhile. At most 34 descriptors are open, besides the root's.
 */
export async function repairTree(
  rootFd: number,
  root: string,
  projectId: number,
  signal: AbortSignal,
): Promise<TreeRepair> {
  const walk: Walk = {
    rootFd,
    root,
    device: fstatSync(rootFd).dev,
    projectId,
    signal,
    waiting: [handleOf(rootFd)],
    sliceBeganAtMs: performance.now(),
    sinceRest: 0,
    entries: 0,
    repaired: 0,
    failed: 0,
    example: undefined,
  };
  for (let handle = walk.waiting.pop(); handle !== undefined; handle = walk.waiting.pop()) {
    signal.throwIfAborted();
    await visitFolder(walk, handle);
  }
  const { entries, repaired, failed, example } = walk;
  return { entries, repaired, failed, example };
}

async function visitFolder(walk: Walk, handle: FileHandle): Promise<void> {
  const fd = await openFolderHandle(walk, handle);
  if (fd === undefined) return;
  try {
    await hold(walk, fd, true);
    for await (const entries of folderEntries(fd)) {
      const some = entries.filter(mayHoldData);
      for (let start = 0; start < some.length; start += BATCH_ENTRIES) {
        await visitBatch(walk, fd, some.slice(start, start + BATCH_ENTRIES));
      }
    }
  } finally {
    closeSync(fd);
  }
}

/** Entries are opened side by side: one after another, each would wait for a thread's turn on a busy machine. */
async function visitBatch(walk: Walk, folderFd: number, entries: readonly FolderEntry[]): Promise<void> {
  const opened = await Promise.allSettled(entries.map((entry) => openEntry(folderFd, entry)));
  const fds = opened.flatMap((one) => (one.status === 'fulfilled' && one.value !== undefined ? [one.value] : []));
  try {
    for (const one of opened) if (one.status === 'rejected') throw one.reason;
    for (const fd of fds) await visitEntry(walk, fd);
  } finally {
    for (const fd of fds) closeSync(fd);
  }
  await restAfterSlice(walk, entries.length);
}

async function openFolderHandle({ rootFd, root }: Walk, handle: FileHandle): Promise<number | undefined> {
  try {
    return await openHandle(rootFd, handle, REOPEN_FOLDER);
  } catch (error) {
    if (errnoOf(error) === 'ESTALE' || errnoOf(error) === 'ENOENT') return undefined; // removed meanwhile
    if (errnoOf(error) !== 'EPERM') throw error;
    throw new StowageError(
      'precondition',
      `the folders in ${root} cannot be looked through for files that left their quota: that needs CAP_DAC_READ_SEARCH; run Stowage privileged`,
      { cause: error },
    );
  }
}

/** @param fd a reference to a file or folder of the tree; only now is it certain what it is */
async function visitEntry(walk: Walk, fd: number): Promise<void> {
  const stat = fstatSync(fd);
  if (stat.dev !== walk.device) return;
  if (stat.isDirectory()) return wait(walk, handleOf(fd));
  if (!stat.isFile()) return;
  let readable: number;
  try {
    readable = openSync(`/proc/self/fd/${fd}`, REOPEN);
  } catch (error) {
    // EAGAIN: its owner holds a lease (fcntl(2), F_SETLEASE), which the kernel takes away in 45 s.
    if (!['EAGAIN', 'EPERM', 'EACCES'].includes(errnoOf(error) ?? '')) throw error;
    note(walk, fd, 'failed', undefined);
    return;
  }
  try {
    await hold(walk, readable, false);
  } finally {
    closeSync(readable);
  }
}

function wait({ waiting, root }: Walk, handle: FileHandle): void {
  if (waiting.length >= WAITING_MAX) {
    throw new StowageError(
      'exhausted',
      `${root} holds more than ${WAITING_MAX} folders side by side: it was not looked through for files that left its quota`,
    );
  }
  waiting.push(handle);
}

/** Looks at one open file or folder, and sets it back where it has another project id, or is a folder that hands none on. */
async function hold(walk: Walk, fd: number, isFolder: boolean): Promise<void> {
  walk.entries++;
  const { projectId, inherits } = readProject(fd, walk.root);
  if (projectId === walk.projectId && (inherits || !isFolder)) return;
  try {
    await (isFolder ? setProjectId : setFileProjectId)(fd, walk.root, walk.projectId);
    note(walk, fd, 'repaired', projectId);
  } catch (error) {
    // EPERM: immutable on ext4 (chattr(1)); EDQUOT: over the limit on ext4, for a driver without CAP_SYS_RESOURCE.
    if (!['EPERM', 'EACCES', 'EDQUOT', 'ENOSPC'].includes(errnoOf(error) ?? '')) throw error;
    note(walk, fd, 'failed', projectId);
  }
}

function note(walk: Walk, fd: number, what: 'repaired' | 'failed', projectId: number | undefined): void {
  walk[what]++;
  walk.example ??= { path: pathBeneath(walk.rootFd, fd), projectId };
}

/** Names what is open, for people; undefined where its path is too long for the kernel. */
function pathBeneath(rootFd: number, fd: number): string | undefined {
  try {
    const root = readlinkSync(`/proc/self/fd/${rootFd}`);
    const path = readlinkSync(`/proc/self/fd/${fd}`);
    if (path === root) return '.';
    return path.startsWith(`${root}/`) ? path.slice(root.length + 1).slice(0, PATH_MAX_CHARACTERS) : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENAMETOOLONG') return undefined;
    throw error;
  }
}

async function restAfterSlice(walk: Walk, entries: number): Promise<void> {
  walk.sinceRest += entries;
  if (walk.sinceRest < SLICE_ENTRIES) return;
  walk.sinceRest = 0;
  const workedMs = performance.now() - walk.sliceBeganAtMs;
  const restMs = Math.min(Math.max(workedMs, 1), REST_MAX_MS);
  await setTimeout(restMs, undefined, { signal: walk.signal }).catch(() => walk.signal.throwIfAborted());
  walk.sliceBeganAtMs = performance.now();
}
