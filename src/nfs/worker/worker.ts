import type { StowageError } from '../../errors.ts';
import type { TreeCopyProgress } from '../../host/files.ts';
import type { ForkedProgram } from '../../host/fork.ts';
import { packError, unpackError } from './error-transfer.ts';
import type { Method } from './methods.ts';
import { isFromWorker, type ToWorker } from './protocol.ts';

/** One worker process, from its start to its end. */
export interface Worker {
  /** Settles when it takes calls; rejects as calls do. */
  readonly ready: Promise<void>;
  readonly isReady: () => boolean;
  /** Settles when its process is gone, which may be long after `kill`. */
  readonly gone: Promise<void>;
  /** Sends a call. The outcome rejects where the worker ends before it has answered. */
  ask(method: Method, args: readonly unknown[], onProgress?: OnProgress): Asked;
  /** Tells it what needs no answer. */
  tell(message: ToWorker): void;
  /** Kills it; calls under way, and later ones, reject with `why`. */
  kill(why: StowageError): void;
  /** How many calls are under way. */
  pending(): number;
}

export type OnProgress = (progress: TreeCopyProgress) => void;

export interface Asked {
  readonly outcome: Promise<Outcome>;
  /** Ends a long call, for the signal's reason: its outcome follows. */
  readonly abort: (reason: unknown) => void;
}

/** What the worker said. */
export type Outcome =
  | { readonly type: 'value'; readonly value: unknown }
  | { readonly type: 'error'; readonly error: Error };

interface Waiting {
  readonly onProgress: OnProgress | undefined;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: StowageError) => void;
}

/**
 * @param start starts the process
 * @param ended makes the error for those who wait when it ends unasked; `how` is how it ended
 */
export function startWorker(
  start: (onMessage: (message: unknown) => void) => ForkedProgram,
  ended: (how: string) => StowageError,
): Worker {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let isReady = false;
  let end: StowageError | undefined;
  let onReady = () => {};
  let onNeverReady = (_why: StowageError) => {};
  const ready = new Promise<void>((resolve, reject) => {
    onReady = resolve;
    onNeverReady = reject;
  });
  ready.catch(() => undefined); // whoever waits for it gets it

  function finish(why: StowageError): void {
    if (end !== undefined) return;
    end = why;
    onNeverReady(why);
    for (const { reject } of waiting.values()) reject(why);
    waiting.clear();
  }

  function hear(message: unknown): void {
    if (!isFromWorker(message)) {
      finish(ended('it sent what this version does not know'));
      program.kill();
    } else if (message.type === 'ready') {
      isReady = true;
      onReady();
    } else if (message.type === 'progress') waiting.get(message.id)?.onProgress?.(message.progress);
    else {
      const asked = waiting.get(message.id);
      waiting.delete(message.id);
      asked?.resolve(
        message.type === 'success'
          ? { type: 'value', value: message.value }
          : { type: 'error', error: unpackError(message.error) },
      );
    }
  }

  const program = start(hear);
  const send = (message: ToWorker) => program.send(message);
  return {
    ready,
    isReady: () => isReady,
    gone: program.ended.then((how) => finish(ended(how))),
    ask(method, args, onProgress) {
      lastId += 1;
      const id = lastId;
      const outcome = new Promise<Outcome>((resolve, reject) => {
        if (end !== undefined) return reject(end);
        const isAlone = waiting.size === 0;
        waiting.set(id, { onProgress, resolve, reject });
        send({ type: 'call', id, method, args, isAlone });
      });
      return { outcome, abort: (reason) => send({ type: 'abort', id, reason: packError(reason) }) };
    },
    tell: send,
    kill(why) {
      finish(why);
      program.kill();
    },
    pending: () => waiting.size,
  };
}
