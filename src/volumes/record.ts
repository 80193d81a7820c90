import * as z from 'zod/mini';
import type { Item, Layout } from '../backends/backend.ts';
import { messageOf, StowageError } from '../errors.ts';
import { ON_DELETE } from './requests.ts';

/**
 * Records: what Stowage knows of a volume, a snapshot or a group of snapshots; one JSON file each, beside the data.
 * Their order of states is what keeps data safe: `creating` is durable before the first byte exists, `ready` before the
 * answer, `deleting` before the first byte goes.
 */
export const SCHEMA = 1;
export const MAX_RECORD_BYTES = 64 * 1024;

const id = z.string().check(z.minLength(1), z.maxLength(128));
const folder = z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,80}$/));
const bytes = z.number().check(z.int(), z.nonnegative());
const time = z.string().check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/));
const poolHash = z.string().check(z.regex(/^[0-9a-f]{8}$/));
const onDelete = z.enum(ON_DELETE);

const imageContent = [
  z.object({ type: z.literal('block') }),
  z.object({ type: z.literal('mount'), fsType: z.enum(['ext4', 'xfs']) }),
] as const;

const layout = z.union([
  z.object({
    backend: z.literal('directory'),
    projectId: z.optional(z.number().check(z.int(), z.positive())), // none: quota advisory, or a snapshot
    inodeLimit: bytes,
  }),
  z.object({
    backend: z.literal('image'),
    content: z.union(imageContent),
    blockSizeBytes: z.number().check(z.int(), z.positive()),
    preallocated: z.boolean(),
  }),
  z.object({
    backend: z.literal('btrfs'),
    qgroupId: z.optional(z.number().check(z.int(), z.positive())), // none: quota advisory, or a snapshot
  }),
  z.object({ backend: z.literal('lvm'), type: z.enum(['thin', 'thick']), content: z.union(imageContent) }),
  z.object({
    backend: z.literal('disk'),
    disk: z.string().check(z.minLength(1), z.maxLength(1024)),
    content: z.union([...imageContent, z.object({ type: z.literal('folder') })]),
  }),
  z.object({ backend: z.literal('memory') }),
  z.object({
    backend: z.literal('share'),
    subDir: z.string().check(z.regex(/^(?!.*(^|\/)\.{1,2}(\/|$))[^/\0]+(\/[^/\0]+)*$/), z.maxLength(1024)),
    mode: z.optional(z.number().check(z.int(), z.gte(0), z.lte(0o7777))),
    uid: z.optional(bytes),
    gid: z.optional(bytes),
    shared: z.boolean(),
  }),
]);

const common = {
  schema: z.literal(SCHEMA),
  generation: z.number().check(z.int(), z.positive()), // grows by one with each write
  id,
  name: z.string().check(z.minLength(1), z.maxLength(128)),
  createdAt: time,
};

const stored = {
  ...common,
  pool: z.string(), // set when read: the pool it lies in
  folder,
  sizeBytes: bytes,
  reservedBytes: bytes, // what the pool holds back for it
  layout,
};

const volumeSchema = z.object({
  ...stored,
  kind: z.literal('volume'),
  state: z.enum(['creating', 'ready', 'deleting', 'retained', 'archived', 'arriving', 'departed']),
  access: z.enum(['block', 'mount']),
  onDelete,
  movedFrom: z.optional(poolHash), // of the pool whose record is not yet known to be `departed`
  movedTo: z.optional(poolHash), // where a `departed` one is; of a ready one: where it may be, if its move was interrupted
  source: z.optional(z.object({ kind: z.enum(['volume', 'snapshot']), id })),
  attached: z.array(z.object({ nodeId: z.string(), readOnly: z.boolean(), fsid: z.optional(z.uuid()) })), // fsid: of the node's file handles, where we export the volume
  removedAt: z.optional(time),
  options: z.optional(
    z.object({
      compression: z.optional(z.enum(['none', 'zstd', 'lzo', 'zlib'])),
      copyOnWrite: z.optional(z.boolean()),
    }),
  ), // what was asked for by name: see VolumeOptions
  ephemeral: z.optional(z.object({ targetPath: z.string().check(z.minLength(1), z.maxLength(4096)) })), // a pod's own: only its publish and unpublish know of it
});

const snapshotSchema = z.object({
  ...stored,
  kind: z.literal('snapshot'),
  state: z.enum(['creating', 'ready', 'deleting']),
  sourceId: id,
  access: z.enum(['block', 'mount']),
  groupId: z.optional(id),
});

const groupSchema = z.object({
  ...common,
  kind: z.literal('group'),
  pool: z.string(),
  state: z.enum(['creating', 'ready', 'deleting']),
  sourceIds: z.array(id),
  snapshotIds: z.array(id),
});

export type VolumeRecord = Readonly<z.infer<typeof volumeSchema>> & { readonly layout: Layout };
export type SnapshotRecord = Readonly<z.infer<typeof snapshotSchema>> & { readonly layout: Layout };
export type GroupRecord = Readonly<z.infer<typeof groupSchema>>;
export type StoredRecord = VolumeRecord | SnapshotRecord;
export type AnyRecord = StoredRecord | GroupRecord;
export type AsideRecord = VolumeRecord & { readonly state: 'arriving' | 'departed' };

const anySchema = z.discriminatedUnion('kind', [volumeSchema, snapshotSchema, groupSchema]);

/** The record's file text. */
export function serializeRecord(record: AnyRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/**
 * Reads a record's file.
 * @param pool the name of the pool that it lies in; replaces the one inside, since pools may be renamed
 * @throws 'data-loss' for an empty, cut short or malformed one, 'precondition' for one of a newer schema
 */
export function parseRecord(text: string, pool: string): AnyRecord {
  const value = parseJson(text);
  if (typeof value === 'object' && value !== null && 'schema' in value && Number(value.schema) > SCHEMA) {
    throw new StowageError(
      'precondition',
      `it has schema ${String(value.schema)}, written by a newer Stowage; this one knows ${SCHEMA}`,
    );
  }
  const result = anySchema.safeParse(value);
  if (result.success) return { ...result.data, pool };
  const [issue] = result.error.issues;
  throw new StowageError('data-loss', `it is malformed at ${issue?.path.join('.') ?? '?'}: ${issue?.message ?? '?'}`);
}

function parseJson(text: string): unknown {
  if (text === '') throw new StowageError('data-loss', 'it is empty');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StowageError('data-loss', `it is cut short or no JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** The record as its backend sees it. */
export function itemOf(record: StoredRecord): Item {
  const { kind, id: itemId, folder: name, sizeBytes, reservedBytes, layout: where, state } = record;
  const item = { kind, id: itemId, folder: name, sizeBytes, reservedBytes, layout: where };
  return state === 'deleting' || state === 'archived' ? { ...item, leaving: true } : item;
}

/**
 * True for the second record of a volume that moves between pools: `arriving` in its new pool, before the move is decided, and `departed` in
 * its old one afterwards. Neither is the volume: it is never found, listed or used, and only counts for what its pool holds back.
 */
export function isAside(record: AnyRecord): record is AsideRecord {
  return record.state === 'arriving' || record.state === 'departed';
}

/** True if this record took the other's place: a move was decided, and a crash kept the other from saying so. */
export function hasTakenPlaceOf(record: AnyRecord, other: AnyRecord): boolean {
  return record.kind === 'volume' && record.movedFrom !== undefined && record.generation > other.generation;
}

/** False for the tombstone of a volume that moved away, whose data is gone. */
export function holdsData(record: StoredRecord): boolean {
  return record.state !== 'departed' || record.reservedBytes > 0;
}

/** True for a volume or snapshot that the caller of CSI knows of, or may come to know. */
export function isLive(record: AnyRecord): boolean {
  return record.state === 'creating' || record.state === 'ready';
}
