import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StowageError } from '../../errors.ts';
import type { Files } from '../../host/files.ts';
import { type ForkedProgram, forkProgram } from '../../host/fork.ts';
import type { Logger } from '../../telemetry/log.ts';
import { createCalls } from './calls.ts';
import { type Clock, systemClock } from './clock.ts';
import { createFolders } from './folders.ts';
import { SHARE_LIMITS, type ShareLimits } from './limits.ts';
import { createRemoteFiles, type Opened } from './remote-files.ts';
import { startWorker, type Worker } from './worker.ts';

/** The files of one NFS share, reached through processes of its own: a dead server holds those, and nobody else. */
export interface ShareFiles {
  /**
   * Every call settles: with 'unavailable', naming the share, where the server is silent or too many calls wait. The handles of openFolder outlive
   * the worker; their path is also one for this process, as long as the worker lives. 'unsupported': lock and openPath.
   */
  readonly files: Files;
  /** False since a call was not answered in time, until one is. */
  isAnswering(): boolean;
  /** Ends the workers, and what is under way; settles when they are gone, or 1 s later. Later calls are 'unavailable'. */
  close(): Promise<void>;
}

export interface ShareFilesOptions {
  readonly name: string; // for messages: server:/share
  /** Where private bind mounts of its copies lie: a folder of this share alone. */
  readonly runFolder: string;
  readonly log: Logger;
  readonly limits?: Partial<ShareLimits>;
  /** The worker's program; share-worker.cjs beside our own, if not given. */
  readonly program?: string;
  readonly clock?: Clock;
}

function besideOurs(): string {
  return join(dirname(realpathSync(process.argv[1] ?? '.')), 'share-worker.cjs');
}

/** Threads of a worker for calls that wait for the server. */
const WORKER_THREADS = '8';
const WORKER_OPTIONS = ['--optimize-for-size', '--max-old-space-size=128'];

/** How long `close` waits for what it killed. */
const CLOSE_MS = 1_000;

/**
 * Starts no process before the first call.
 * @param fork starts them; another one is for tests
 */
export function createShareFiles(options: ShareFilesOptions, fork: typeof forkProgram = forkProgram): ShareFiles {
  const { name, runFolder, log, program = besideOurs(), clock = systemClock } = options;
  const limits = { ...SHARE_LIMITS, ...options.limits };
  const opened: Opened = { folders: createFolders(name), readings: new Set() };
  const living = new Set<Promise<void>>(); // also those that were killed and are not gone yet
  let isClosed = false;

  const startProcess = (onMessage: (message: unknown) => void): ForkedProgram =>
    fork({
      program,
      args: [runFolder],
      execArgv: WORKER_OPTIONS,
      env: { UV_THREADPOOL_SIZE: WORKER_THREADS },
      onMessage,
    });

  function start(): Worker {
    if (isClosed) throw new StowageError('unavailable', `${name}: the driver stops`);
    // Two of them may be at work, the others have been killed.
    if (living.size >= limits.unkillable + 2) {
      const what = `${living.size} of its worker processes wait for it and cannot be killed`;
      throw new StowageError('unavailable', `${name} does not answer: ${what}`);
    }
    const worker = startWorker(
      startProcess,
      (how) => new StowageError('unavailable', `${name}: its worker process ended (${how}); call again`),
    );
    living.add(worker.gone);
    worker.gone.then(() => living.delete(worker.gone));
    return worker;
  }

  const isNeeded = () => opened.folders.size() + opened.readings.size > 0;
  const calls = createCalls({ share: name, log, limits, clock, folders: opened.folders, start, isNeeded });
  return {
    files: createRemoteFiles(name, calls, opened),
    isAnswering: calls.isAnswering,
    async close() {
      isClosed = true;
      calls.stop(new StowageError('unavailable', `${name}: the driver stops`));
      let cancel = () => {};
      const waitedEnough = new Promise<void>((resolve) => {
        cancel = clock.after(CLOSE_MS, resolve);
      });
      await Promise.race([Promise.all(living), waitedEnough]);
      cancel();
    },
  };
}
