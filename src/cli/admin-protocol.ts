import { join } from 'node:path';
import * as z from 'zod/mini';
import type { ErrorCode } from '../errors.ts';
import { ON_DELETE } from '../volumes/requests.ts';

/** What `stowage` commands ask of a running driver: `POST /move`, `/adopt` and `/list`, answered by one JSON object a line while it goes on. */
export const MOVE_PATH = '/move';
export const ADOPT_PATH = '/adopt';
export const LIST_PATH = '/list';

/** How many folders one request may adopt. */
export const MAX_ADOPTIONS = 20_000;

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

const path = z.string().check(z.minLength(1), z.maxLength(4096));

export const adoptRequestSchema = z.strictObject({
  isDryRun: z.boolean(),
  volumes: z
    .array(
      z.strictObject({
        name: z.string().check(z.regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/), z.maxLength(128)),
        server: text,
        share: path,
        subDir: path,
        options: z.array(path).check(z.maxLength(64)),
        sizeBytes: count.check(z.int()),
        onDelete: z.enum(ON_DELETE),
      }),
    )
    .check(z.maxLength(MAX_ADOPTIONS)),
});

const failed = z.object({ type: z.literal('failed'), code: z.enum(codes), message: z.string() });

/** One line of the answer; the last is `done` or `failed`. */
export const adoptLineSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('adopted'),
    name: z.string(),
    id: z.optional(z.string()),
    context: z.record(z.string(), z.string()),
    wasThere: z.boolean(),
  }),
  z.object({ type: z.literal('refused'), name: z.string(), code: z.enum(codes), message: z.string() }),
  z.object({ type: z.literal('done') }),
  failed,
]);

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
  failed,
]);

const bytes = z.optional(count);
const name = z.string();

/** A line for each pool, then one for each record; the last is `done` or `failed`. */
export const listLineSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('pool'),
    name,
    backend: z.string(),
    path: z.string(),
    problem: z.optional(z.string()),
    sizeBytes: bytes,
    freeBytes: bytes,
    usedBytes: bytes,
    promisedBytes: count,
    availableBytes: bytes,
  }),
  z.object({
    type: z.literal('item'),
    kind: z.enum(['volume', 'ephemeral', 'snapshot', 'group', 'damaged']),
    id: z.string(),
    name,
    pool: z.string(),
    state: z.string(),
    sizeBytes: bytes,
    reservedBytes: bytes,
    usedBytes: bytes,
    source: z.optional(z.string()),
    nodes: z.readonly(z.array(z.string())),
    mounts: z.readonly(z.array(z.string())),
    problem: z.optional(z.string()),
  }),
  z.object({ type: z.literal('done') }),
  failed,
]);

export type ListLine = z.infer<typeof listLineSchema>;
export type MoveLine = z.infer<typeof moveLineSchema>;
export type AdoptLine = z.infer<typeof adoptLineSchema>;

/** The socket on which a running driver takes commands. */
export function adminSocket(stateDir: string): string {
  return join(stateDir, 'admin.sock');
}
