import { status } from '@grpc/grpc-js';
import { type ErrorCode, isStowageError, messageOf } from '../errors.ts';

export interface Status {
  readonly code: status;
  readonly details: string; // the status message: gRPC's name for it in grpc-js
}

const CODES: Record<ErrorCode, status> = {
  invalid: status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  'already-exists': status.ALREADY_EXISTS,
  busy: status.ABORTED,
  exhausted: status.RESOURCE_EXHAUSTED,
  'out-of-range': status.OUT_OF_RANGE,
  precondition: status.FAILED_PRECONDITION,
  unavailable: status.UNAVAILABLE,
  timeout: status.DEADLINE_EXCEEDED,
  cancelled: status.CANCELLED,
  unsupported: status.INVALID_ARGUMENT, // of a parameter; an RPC that is not served answers UNIMPLEMENTED by itself
  'data-loss': status.DATA_LOSS,
  internal: status.INTERNAL,
};

/** It travels percent-encoded in an HTTP/2 header, of which gRPC clients take 8 KiB: three bytes for one at worst. */
const MAX_MESSAGE_BYTES = 2048;

/** The gRPC status of any thrown value; what is not a StowageError is INTERNAL. The message is never empty (CSI, "Error Scheme"). */
export function statusOf(error: unknown): Status {
  const code = isStowageError(error) ? CODES[error.code] : status.INTERNAL;
  return { code, details: boundedMessage(messageOf(error)) || 'unknown error' };
}

/** The name of a gRPC code for logs and metrics: NOT_FOUND. */
export function codeName(code: status): string {
  return status[code] ?? String(code);
}

/** One line of at most MAX_MESSAGE_BYTES bytes of UTF-8, cut between characters. */
function boundedMessage(message: string): string {
  const line = message.replace(/[\p{Cc}\p{Cs}]+/gu, ' ').trim();
  if (Buffer.byteLength(line) <= MAX_MESSAGE_BYTES) return line;
  const room = MAX_MESSAGE_BYTES - Buffer.byteLength('…');
  const bytes = Buffer.from(line);
  let end = room;
  while (end > 0 && isContinuation(bytes[end])) end -= 1;
  return `${bytes.toString('utf8', 0, end)}…`;
}

/** True of a byte that is not the first of its UTF-8 character. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
