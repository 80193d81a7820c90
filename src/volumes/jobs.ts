import { DRIVER_STOPS } from '../backends/signals.ts';
import type { StowageError } from '../errors.ts';

/** Long work that outlives the call that began it: copies. At most one for each id. */
export interface Jobs {
  /** Starts work under an id; a running one is joined instead. */
  start(id: string, work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  running(id: string): Promise<void> | undefined;
  /** Ends the work of an id and waits until it has cleaned up. */
  cancel(id: string): Promise<void>;
  /** Settles when nothing runs. */
  idle(): Promise<void>;
  /** Ends all, at shutdown. From then on `stopping` is true: what was begun is for the next start to finish, not to be undone. */
  stop(): Promise<void>;
  stopping(): boolean;
}

interface Job {
  readonly done: Promise<void>;
  readonly abort: AbortController;
}

export function createJobs(): Jobs {
  const jobs = new Map<string, Job>();
  let stopping = false;

  async function end(id: string, reason?: StowageError): Promise<void> {
    const job = jobs.get(id);
    if (job === undefined) return;
    job.abort.abort(reason);
    await Promise.allSettled([job.done]);
  }

  return {
    start(id, work) {
      const running = jobs.get(id);
      if (running !== undefined) return running.done;
      const abort = new AbortController();
      const done = work(abort.signal).finally(() => jobs.delete(id));
      jobs.set(id, { done, abort });
      // Whoever waits gets the failure; nobody need wait.
      done.catch(() => undefined);
      return done;
    },
    running: (id) => jobs.get(id)?.done,
    cancel: (id) => end(id),
    async idle() {
      while (jobs.size > 0) await Promise.allSettled([...jobs.values()].map(({ done }) => done));
    },
    async stop() {
      stopping = true;
      await Promise.all([...jobs.keys()].map((id) => end(id, DRIVER_STOPS)));
    },
    stopping: () => stopping,
  };
}

/** Waits for a job until a time or a signal. @returns false if it is still running then */
export function waitFor(done: Promise<void>, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const forget = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    };
    const giveUp = () => {
      forget();
      resolve(false);
    };
    const timer = setTimeout(giveUp, timeoutMs);
    signal.addEventListener('abort', giveUp, { once: true });
    done.finally(forget).then(() => resolve(true), reject);
    if (signal.aborted) giveUp();
  });
}
