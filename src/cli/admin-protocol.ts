import { join } from 'node:path';
import * as z from 'zod/mini';
import type { ErrorCode } from '../errors.ts';

/** What `stowage` commands ask of a running driver: `POST /move`, answered by one JSON object a line while it goes on. */
export const MOVE_PATH = '/move';

const text = z.string().check(z.minLength(1), z.maxLength(256));
const count = z.number().check(z.nonnegative());
const codes = [
  'invalid',
  'not-found',
  'already-exists',
  'busy',
  'exhausted',
  'out-of-range',
  'precondition',
  'unavailable',
  'timeout',
  'cancelled',
  'unsupported',
  'data-loss',
  'internal',
] as const satisfies readonly ErrorCode[];

export const moveRequestSchema = z.strictObject({ volume: text, pool: text });

/** One line of the answer; the last is `moved` or `failed`. */
export const moveLineSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('began'),
    id: z.string(),
    name: z.string(),
    from: z.string(),
    to: z.string(),
    sizeBytes: count,
  }),
  z.object({ type: z.literal('copying'), way: z.enum(['file', 'device', 'tree']) }),
  z.object({
    type: z.literal('progress'),
    seconds: count,
    bytes: z.optional(count),
    ofBytes: z.optional(count),
  }),
  z.object({ type: z.literal('decided') }),
  z.object({ type: z.literal('moved'), id: z.string(), pool: z.string(), wasThere: z.boolean() }),
  z.object({ type: z.literal('failed'), code: z.enum(codes), message: z.string() }),
]);

export type MoveLine = z.infer<typeof moveLineSchema>;

/** The socket on which a running driver takes commands. */
export function adminSocket(stateDir: string): string {
  return join(stateDir, 'admin.sock');
}

/** @returns undefined for what is no JSON, which no schema takes */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
