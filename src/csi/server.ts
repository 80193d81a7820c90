import { chmod, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { StowageError } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { CallMetrics } from '../telemetry/metrics.ts';
import { type AnyHandler, type CallLimits, type Calls, createCalls } from './calls.ts';
import type { Handlers } from './handlers.ts';
import { type ServiceName, services } from './services.ts';
import { checkSocketFree, placeSocket, socketPath, temporarySocketPath } from './socket.ts';

export interface CsiServerOptions extends Partial<CallLimits> {
  readonly endpoint: string; // /csi/csi.sock or unix:///csi/csi.sock
  readonly handlers: Partial<Handlers>; // services left out answer UNIMPLEMENTED
  readonly log: Logger;
  readonly metrics: CallMetrics;
}

export interface CsiServer {
  readonly path: string; // of the socket
  /**
   * Takes no more calls, lets those that run go on for `graceMs`, then aborts their signals and closes all connections.
   * Ends at most `graceMs` and a second after it is called. Gives the number of handlers that still run.
   */
  stop(graceMs: number): Promise<number>;
}

const DEFAULT_LIMITS: CallLimits = { deadlineMs: 600_000, maxInFlight: 1000, abortGraceMs: 500 };
const MAX_REQUEST_BYTES = 1 << 20; // a group snapshot of thousands of volumes; the rest are far smaller
const MAX_RESPONSE_BYTES = 1 << 28; // ListVolumes without max_entries must list all
const STOP_POLL_MS = 20;
const PRIVATE_MODE = 0o600;

/**
 * Serves CSI on a UNIX socket (mode 0600). A stale socket is replaced.
 * @throws StowageError 'invalid' for a malformed endpoint, 'precondition' where it is in use or no socket
 */
export async function createCsiServer(options: CsiServerOptions): Promise<CsiServer> {
  const { handlers, log, metrics } = options;
  const path = socketPath(options.endpoint);
  const limits = limitsOf(options);
  const calls = createCalls(log, metrics, limits);
  const server = new Server({
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.max_send_message_length': MAX_RESPONSE_BYTES,
  });
  for (const name of serviceNames) {
    const implemented = handlers[name];
    if (implemented !== undefined) server.addService({ ...services[name] }, implementationOf(implemented, calls));
  }
  const removeSocket = await listen(server, path);
  return { path, stop: (graceMs) => stop(server, calls, removeSocket, graceMs, limits.abortGraceMs) };
}

const serviceNames: readonly ServiceName[] = ['identity', 'controller', 'groupController', 'node'];

function limitsOf(options: Partial<CallLimits>): CallLimits {
  return {
    deadlineMs: options.deadlineMs ?? DEFAULT_LIMITS.deadlineMs,
    maxInFlight: options.maxInFlight ?? DEFAULT_LIMITS.maxInFlight,
    abortGraceMs: options.abortGraceMs ?? DEFAULT_LIMITS.abortGraceMs,
  };
}

function implementationOf(handlers: object, calls: Calls): UntypedServiceImplementation {
  const implementation: UntypedServiceImplementation = {};
  for (const [rpc, handler] of Object.entries(handlers)) {
    if (handler !== undefined) implementation[rpc] = unary(handler, calls);
  }
  return implementation;
}

function unary(handler: AnyHandler, calls: Calls) {
  return async (call: ServerUnaryCall<object, object>, callback: sendUnaryData<object>) => {
    const outcome = await calls.run(
      {
        method: call.getPath().replace('/csi.v1.', ''),
        request: call.request,
        clientDeadline: call.getDeadline(),
        onCancelled: (listener) => call.once('cancelled', listener),
      },
      handler,
    );
    if (outcome.ok) callback(null, outcome.response);
    else callback(outcome.status);
  };
}

/** Binds the server to the socket; gives what removes the socket file again, if it is still ours. */
async function listen(server: Server, path: string): Promise<() => Promise<void>> {
  await checkSocketFree(path);
  const temporary = await temporarySocketPath(path);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${temporary}`, ServerCredentials.createInsecure(), (cause) => {
      if (cause === null) resolve();
      else reject(new StowageError('unavailable', `cannot listen on ${path}: ${cause.message}`, { cause }));
    });
  });
  try {
    await chmod(temporary, PRIVATE_MODE);
    return await placeSocket(temporary, path);
  } catch (error) {
    server.forceShutdown();
    await rm(temporary, { force: true });
    throw error;
  }
}

async function stop(
  server: Server,
  calls: Calls,
  removeSocket: () => Promise<void>,
  graceMs: number,
  abortGraceMs: number,
): Promise<number> {
  const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  await removeSocket();
  await untilIdle(calls, graceMs);
  calls.abortAll(new StowageError('unavailable', 'the driver is stopping; call again'));
  await untilIdle(calls, abortGraceMs);
  await Promise.race([closed, delay(STOP_POLL_MS)]); // lets the last answers out
  server.forceShutdown();
  return calls.running();
}

async function untilIdle(calls: Calls, limitMs: number): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (calls.running() > 0 && performance.now() < endMs) await delay(STOP_POLL_MS);
}
