import { Client, type ClientUnaryCall, credentials, Metadata } from '@grpc/grpc-js';

/** A unary method, as the definitions of `services` describe it. */
export interface UnaryMethod<Request, Response> {
  readonly path: string; // /csi.v1.Controller/CreateVolume
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

export interface CallOptions {
  readonly timeoutMs?: number; // default 60 s
  readonly signal?: AbortSignal;
}

export interface CsiClient {
  /**
   * Calls one RPC: `client.call(services.controller.CreateVolume, {name, ...})`.
   * Rejects with grpc-js's ServiceError: `code` (status.NOT_FOUND, ...) and `details`, the server's message.
   */
  readonly call: <Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    options?: CallOptions,
  ) => Promise<Response>;
  readonly close: () => void;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * A client of any CSI endpoint; it connects at the first call and again after a lost connection.
 * @param endpoint the path of a UNIX socket, with or without `unix://` before it
 */
export function connectCsi(endpoint: string): CsiClient {
  const path = endpoint.replace(/^unix:(\/\/)?/, '');
  const client = new Client(`unix:${path}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1, // a ListVolumes without a limit
    'grpc.max_reconnect_backoff_ms': 1000,
    'grpc.initial_reconnect_backoff_ms': 50, // the driver may be starting
  });
  return {
    close: () => client.close(),
    call: (method, request, { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = {}) =>
      new Promise((resolve, reject) => {
        let running: ClientUnaryCall | undefined;
        const cancel = () => running?.cancel();
        running = client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          new Metadata(),
          { deadline: Date.now() + timeoutMs },
          (error, response) => {
            signal?.removeEventListener('abort', cancel);
            if (error !== null) reject(error);
            else if (response === undefined) reject(new Error(`${method.path} answered nothing`));
            else resolve(response);
          },
        );
        if (signal?.aborted === true) cancel();
        else signal?.addEventListener('abort', cancel, { once: true });
      }),
  };
}
