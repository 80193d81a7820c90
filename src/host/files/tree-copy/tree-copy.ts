import { closeSync, constants } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { errnoOf, isStowageError, messageOf, StowageError } from '../../../errors.ts';
import type { Commands } from '../../command.ts';
import type { Files } from '../../files.ts';
import { FOLDER_FLAGS, open } from '../fd.ts';
import { syncFileSystem } from './calls.ts';
import { copyFolder, newFolder } from './folder.ts';
import { createTurns, type Job } from './job.ts';
import { createLinks } from './links.ts';

/** Entries that are worked on at once: as many as a worker has threads. */
const ENTRIES_AT_ONCE = 8;
const FOLDERS_AT_ONCE = 8;
const NEW_MODE = 0o700;

/** See Files.copyTree. */
export function createTreeCopy(commands: Commands): Files['copyTree'] {
  return async (from, to, signal, onProgress = () => undefined) => {
    await makeTarget(to);
    const failure = new AbortController();
    const source = await open(from, FOLDER_FLAGS);
    try {
      const target = await open(to, FOLDER_FLAGS | constants.O_NOFOLLOW);
      try {
        const job = newJob({ commands, source, target, signal: AbortSignal.any([signal, failure.signal]) }, onProgress);
        await copyAll(job, failure);
        signal.throwIfAborted();
        await syncFileSystem(target);
        return { ...job.progress };
      } finally {
        closeSync(target);
      }
    } catch (error) {
      throw signal.aborted ? endOf(signal, error) : error;
    } finally {
      closeSync(source);
    }
  };
}

function newJob(
  given: Pick<Job, 'commands' | 'source' | 'target' | 'signal'>,
  onProgress: (progress: Job['progress']) => void,
): Job {
  const progress = {
    files: 0,
    filesFound: 0,
    filesKept: 0,
    bytes: 0,
    bytesFound: 0,
    clonedBytes: 0,
    rangeBytes: 0,
    copiedBytes: 0,
  };
  return {
    ...given,
    progress,
    report: () => onProgress(progress),
    can: { clone: true, copyRange: true, xattrs: true },
    links: createLinks(),
    inTurn: createTurns(ENTRIES_AT_ONCE),
    waiting: [newFolder(undefined, '', false)],
  };
}

/** Settles when nothing is under way any more, also after a failure, which ends the rest. */
function copyAll(job: Job, failure: AbortController): Promise<void> {
  return new Promise((resolve, reject) => {
    let running = 0;
    let failed: { readonly error: unknown } | undefined;
    const fail = (error: unknown) => {
      failed ??= { error };
      failure.abort(error);
    };
    const goOn = () => {
      while (failed === undefined && running < FOLDERS_AT_ONCE) {
        const folder = job.waiting.pop();
        if (folder === undefined) break;
        running += 1;
        void copyFolder(job, folder)
          .catch(fail)
          .finally(() => {
            running -= 1;
            goOn();
          });
      }
      if (running > 0) return;
      if (failed === undefined) resolve();
      else reject(failed.error);
    };
    goOn();
  });
}

/** What is there from an earlier time is gone on with. */
async function makeTarget(path: string): Promise<void> {
  try {
    await mkdir(path, NEW_MODE);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/** What the caller's signal stands for: its own reason if that is one of ours, else by its name (AbortSignal.timeout: TimeoutError). */
function endOf(signal: AbortSignal, error: unknown): unknown {
  if (isStowageError(signal.reason)) return signal.reason;
  if (error !== signal.reason) return error;
  const isTimeout = typeof error === 'object' && error !== null && 'name' in error && error.name === 'TimeoutError';
  const code = isTimeout ? 'timeout' : 'cancelled';
  return new StowageError(code, `copying a tree: ended (${messageOf(error)})`, { cause: error });
}
