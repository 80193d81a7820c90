import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { isStowageError, StowageError } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { CallMetrics } from '../telemetry/metrics.ts';
import { logCall } from './call-log.ts';
import { createDeadline, type Deadline } from './deadline.ts';
import type { CallContext } from './handlers.ts';
import { codeName, type Status, statusOf } from './status.ts';

export interface CallLimits {
  readonly deadlineMs: number; // of one call, where the client's is later or missing
  readonly maxInFlight: number; // calls at one time; more answer UNAVAILABLE
  readonly abortGraceMs: number; // what an aborted handler gets to end before it is answered for
}

export type AnyHandler = (request: object, context: CallContext) => Promise<object>;

export interface IncomingCall {
  readonly method: string; // Controller/CreateVolume
  readonly request: object;
  readonly clientDeadline: Date | number;
  /** Registers what to do when the client gives up. */
  onCancelled(listener: () => void): void;
}

export type Outcome =
  | { readonly ok: true; readonly response: object }
  | { readonly ok: false; readonly status: Status };

export interface Calls {
  run(call: IncomingCall, handler: AnyHandler): Promise<Outcome>;
  /** Aborts the signals of all running calls. */
  abortAll(reason: StowageError): void;
  /** How many handlers run, those included that were answered for. */
  running(): number;
}

/** Runs handlers: each call gets an id, a deadline, a log line, a metric, and its error becomes a status, here only. */
export function createCalls(log: Logger, metrics: CallMetrics, limits: CallLimits): Calls {
  const deadlines = new Set<Deadline>();

  async function run(call: IncomingCall, handler: AnyHandler): Promise<Outcome> {
    const startedMs = performance.now();
    const requestId = randomUUID();
    const callLog = log.child({ requestId, method: call.method });
    const { outcome, error } = await outcomeOf(call, handler, { requestId, log: callLog });
    const durationMs = performance.now() - startedMs;
    const code = outcome.ok ? status.OK : outcome.status.code;
    metrics.observeCall(call.method, codeName(code), durationMs);
    logCall(callLog, call, outcome, { durationMs, error });
    return outcome;
  }

  async function outcomeOf(call: IncomingCall, handler: AnyHandler, context: Omit<CallContext, 'signal'>) {
    try {
      if (deadlines.size >= limits.maxInFlight) {
        throw new StowageError('unavailable', `${limits.maxInFlight} calls run already; call again later`);
      }
      const response = await withDeadline(call, context.log, async (signal) =>
        handler(call.request, { ...context, signal }),
      );
      return { outcome: { ok: true, response } as const, error: undefined };
    } catch (error) {
      return { outcome: { ok: false, status: statusOf(error) } as const, error };
    }
  }

  /** Ends with the handler, or a little after the signal was aborted, whatever the handler does then. */
  async function withDeadline(
    call: IncomingCall,
    callLog: Logger,
    handle: (signal: AbortSignal) => Promise<object>,
  ): Promise<object> {
    const deadline = createDeadline(call.clientDeadline, limits.deadlineMs);
    const { signal } = deadline;
    call.onCancelled(deadline.hangUp);
    deadlines.add(deadline);
    const handled = handle(signal).finally(() => {
      deadline.clear();
      deadlines.delete(deadline);
    });
    const abandoned = new Promise<never>((_resolve, reject) => {
      const abandon = () => {
        if (deadlines.has(deadline)) logEnd(handled, callLog);
        reject(signal.reason);
      };
      signal.addEventListener('abort', () => setTimeout(abandon, limits.abortGraceMs).unref(), { once: true });
    });
    try {
      return await Promise.race([handled, abandoned]);
    } catch (error) {
      throw signal.aborted && !isStowageError(error) ? signal.reason : error;
    }
  }

  return {
    run,
    abortAll: (reason) => {
      for (const deadline of deadlines) deadline.abort(reason);
    },
    running: () => deadlines.size,
  };
}

/** Tells how a handler ends that does not heed its signal and is answered for. */
function logEnd(handled: Promise<object>, log: Logger): void {
  log.warn('call goes on after its answer');
  handled.then(
    () => log.info('call ended after its answer'),
    (err: unknown) => log.warn({ err }, 'call failed after its answer'),
  );
}
