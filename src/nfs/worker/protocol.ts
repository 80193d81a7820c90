import type { TreeCopyProgress } from '../../host/files.ts';
import { isPackedError, type PackedError } from './error-transfer.ts';
import { isMethod, type Method } from './methods.ts';
import { anyOf, isAnything, isFlag, isNumber, isTreeCopyProgress, listOf, oneOf, record } from './shapes.ts';

/** A call of one method. The caller's numbers are its own. */
export interface Call {
  readonly type: 'call';
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
  /** No other call was under way when it was sent. */
  readonly isAlone: boolean;
}

/** Ends a long call, whose answer comes all the same. */
export interface Abort {
  readonly type: 'abort';
  readonly id: number;
  readonly reason: PackedError;
}

/** What the caller opened is not needed any more; not answered. */
export interface Close {
  readonly type: 'close';
  readonly what: 'folder' | 'reading';
  readonly number: number;
}

export type ToWorker = Call | Abort | Close;

export interface Ready {
  readonly type: 'ready';
}

export interface Success {
  readonly type: 'success';
  readonly id: number;
  readonly value: unknown;
}

export interface Failure {
  readonly type: 'failure';
  readonly id: number;
  readonly error: PackedError;
}

/** How far a long call is. */
export interface Progress {
  readonly type: 'progress';
  readonly id: number;
  readonly progress: TreeCopyProgress;
}

export type FromWorker = Ready | Progress | Success | Failure;

export const isToWorker = anyOf<ToWorker>(
  record<Call>({
    type: oneOf({ call: true }),
    id: isNumber,
    method: isMethod,
    args: listOf(isAnything),
    isAlone: isFlag,
  }),
  record<Abort>({ type: oneOf({ abort: true }), id: isNumber, reason: isPackedError }),
  record<Close>({ type: oneOf({ close: true }), what: oneOf({ folder: true, reading: true }), number: isNumber }),
);

export const isFromWorker = anyOf<FromWorker>(
  record<Ready>({ type: oneOf({ ready: true }) }),
  record<Progress>({ type: oneOf({ progress: true }), id: isNumber, progress: isTreeCopyProgress }),
  record<Success>({ type: oneOf({ success: true }), id: isNumber, value: isAnything }),
  record<Failure>({ type: oneOf({ failure: true }), id: isNumber, error: isPackedError }),
);
