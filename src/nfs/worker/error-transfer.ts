import { type ErrorCode, messageOf, StowageError } from '../../errors.ts';
import { anyOf, dictionaryOf, isNumber, isText, oneOf, optional, record, type Shape } from './shapes.ts';

/** An error as it goes from one process to another: what structured cloning makes of Error lacks `code`, `syscall` and our class. */
export interface PackedError {
  readonly name: string;
  readonly message: string;
  readonly stowageCode: ErrorCode | undefined;
  /** What a system error carries: code, errno, syscall, path, dest. */
  readonly fields: Readonly<Record<string, string | number>> | undefined;
  readonly cause: PackedError | undefined;
}

/** How many causes beneath an error go along. */
const MAX_CAUSES = 3;

const SYSTEM_FIELDS = ['code', 'errno', 'syscall', 'path', 'dest'];

/** Whatever was thrown, as something that can be sent. Stacks stay behind: they may name much, and the message says what is needed. */
export function packError(error: unknown, causesLeft = MAX_CAUSES): PackedError {
  const cause = typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
  return {
    name: nameOf(error),
    message: messageOf(error),
    stowageCode: error instanceof StowageError ? error.code : undefined,
    fields: systemFieldsOf(error),
    cause: cause === undefined || causesLeft === 0 ? undefined : packError(cause, causesLeft - 1),
  };
}

/** The error again: a StowageError of the same code, or an Error with the fields of a system error. */
export function unpackError(packed: PackedError): Error {
  const options = packed.cause === undefined ? undefined : { cause: unpackError(packed.cause) };
  if (packed.stowageCode !== undefined) return new StowageError(packed.stowageCode, packed.message, options);
  const error = new Error(packed.message, options);
  error.name = packed.name;
  return Object.assign(error, packed.fields);
}

function nameOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'name' in error ? String(error.name) : 'Error';
}

/** Only of system errors (they have a syscall): a DOMException too has a `code`, which is read-only. */
function systemFieldsOf(error: unknown): Record<string, string | number> | undefined {
  if (typeof error !== 'object' || error === null || !('syscall' in error)) return undefined;
  const found: [string, string | number][] = [];
  for (const name of SYSTEM_FIELDS) {
    const value: unknown = Reflect.get(error, name);
    if (typeof value === 'string' || typeof value === 'number') found.push([name, value]);
  }
  return Object.fromEntries(found);
}

const isErrorCode = oneOf<ErrorCode>({
  invalid: true,
  'not-found': true,
  'already-exists': true,
  busy: true,
  exhausted: true,
  'out-of-range': true,
  precondition: true,
  unavailable: true,
  timeout: true,
  cancelled: true,
  unsupported: true,
  'data-loss': true,
  internal: true,
});

export const isPackedError: Shape<PackedError> = record<PackedError>({
  name: isText,
  message: isText,
  stowageCode: optional(isErrorCode),
  fields: optional(dictionaryOf(anyOf<string | number>(isText, isNumber))),
  cause: (value): value is PackedError | undefined => value === undefined || isPackedError(value),
});
