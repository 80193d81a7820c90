import type { Logger } from '../telemetry/log.ts';
import type { Method, ServiceName, Services } from './services.ts';

/** What a handler knows of its call besides the request. */
export interface CallContext {
  readonly signal: AbortSignal; // aborted at the deadline, when the caller is gone and at shutdown
  readonly requestId: string;
  readonly log: Logger;
}

type HandlerOf<M> =
  M extends Method<infer _RequestSent, infer Request, infer Response, infer _ResponseReceived>
    ? (request: Request, context: CallContext) => Promise<Response>
    : never;

/**
 * The handlers of one service by RPC name. They work without gRPC: they take a received message, check it, and answer
 * or throw StowageError. An RPC without a handler answers UNIMPLEMENTED.
 */
export type ServiceHandlers<Name extends ServiceName> = {
  readonly [Rpc in keyof Services[Name]]: HandlerOf<Services[Name][Rpc]>;
};

/** RPCs that a driver's configuration may switch off. */
type Optional = 'ControllerExpandVolume' | 'ControllerModifyVolume';

type WithOptional<All> = Omit<All, Optional> & { readonly [Name in keyof All & Optional]?: All[Name] | undefined };

/** All of a driver's handlers; a process that serves only some services leaves the others out at createCsiServer. */
export interface Handlers {
  readonly identity: ServiceHandlers<'identity'>;
  readonly controller: WithOptional<ServiceHandlers<'controller'>>;
  readonly groupController?: ServiceHandlers<'groupController'> | undefined;
  readonly node: ServiceHandlers<'node'>;
}
