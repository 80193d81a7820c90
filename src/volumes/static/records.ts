import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { errnoOf, StowageError } from '../../errors.ts';
import { type Files, isTemporary } from '../../host/files.ts';
import { parseJson } from '../../json.ts';
import { TYPES } from './host-path.ts';

const SCHEMA = 1;
const MAX_PATH_BYTES = 4095;
/** Far more pods than a node runs; a record stays small enough to be read and written whole. */
const MAX_TARGETS = 500;
const MAX_RECORD_BYTES = 4 * 1024 ** 2;
const SUFFIX = '.json';
const NAME = /^[0-9a-f]{64}\.json$/;

const path = z.string().check(z.maxLength(MAX_PATH_BYTES), z.regex(/^\/[^\0]*$/));
const number = z.number().check(z.nonnegative());
const deviceNumber = z.string().check(z.regex(/^\d{1,10}:\d{1,10}$/));

const schema = z.strictObject({
  schema: z.literal(SCHEMA),
  volumeHash: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  path,
  type: z.enum(TYPES),
  access: z.enum(['block', 'mount']),
  kind: z.enum(['folder', 'node']), // what is bound: a folder, or anything else
  fileSystem: deviceNumber, // major:minor of what it lies on, as mountinfo has it
  device: number, // st_dev, which on btrfs is another; with the inode it tells this very folder, which stays its own while it is mounted
  inode: number,
  blockDevice: z.optional(deviceNumber), // the device's own, where it is one
  stagingPath: path,
  targets: z.array(path).check(z.maxLength(MAX_TARGETS)),
});

/**
 * What a static volume's mounts are: unstage and unpublish carry no context, and must know which of the ids that are not ours they may touch.
 * Durable before each mount, removed after the last.
 */
export type StaticRecord = Readonly<z.infer<typeof schema>>;

export interface StaticRecords {
  /** 'damaged': there is one, of this volume, that cannot be read. */
  read(volumeId: string): Promise<StaticRecord | 'damaged' | undefined>;
  write(record: StaticRecord): Promise<void>;
  remove(volumeHash: string): Promise<void>;
  /** All there are, by hash; and removes what a process was writing when it was killed. For the start. */
  load(): Promise<ReadonlyMap<string, StaticRecord | 'damaged'>>;
}

/** The only form in which an id that is not ours is kept or becomes a name. */
export function hashOf(volumeId: string): string {
  return createHash('sha256').update(volumeId).digest('hex');
}

/** The record with one more target. @throws 'exhausted' where it has as many as it may */
export function withTarget(record: StaticRecord, target: string): StaticRecord {
  if (record.targets.includes(target)) return record;
  if (record.targets.length >= MAX_TARGETS) {
    throw new StowageError(
      'exhausted',
      `host path ${record.path} is published at ${MAX_TARGETS} targets already; unpublish one first`,
    );
  }
  return { ...record, targets: [...record.targets, target] };
}

export function createStaticRecords(files: Files, stateDir: string): StaticRecords {
  const folder = join(stateDir, 'static');
  const pathOf = (volumeHash: string) => join(folder, volumeHash + SUFFIX);

  async function readFile(volumeHash: string): Promise<StaticRecord | 'damaged' | undefined> {
    const text = await files.read(pathOf(volumeHash), MAX_RECORD_BYTES).catch((error: unknown) => {
      if (!['EFBIG', 'ELOOP', 'EISDIR', 'EINVAL'].includes(errnoOf(error) ?? '')) throw error;
      return ''; // there, and no record
    });
    if (text === undefined) return undefined;
    const parsed = schema.safeParse(parseJson(text));
    return parsed.success && parsed.data.volumeHash === volumeHash ? parsed.data : 'damaged';
  }

  return {
    read: (volumeId) => readFile(hashOf(volumeId)),
    async write(record) {
      await files.makeFolder(folder, 0o700);
      await files.writeDurably(pathOf(record.volumeHash), `${JSON.stringify(record)}\n`);
    },
    remove: (volumeHash) => files.removeDurably(pathOf(volumeHash)),
    async load() {
      const found = new Map<string, StaticRecord | 'damaged'>();
      for (const name of await files.list(folder)) {
        if (isTemporary(name)) await files.removeFile(join(folder, name));
        if (!NAME.test(name)) continue;
        const volumeHash = name.slice(0, -SUFFIX.length);
        const record = await readFile(volumeHash);
        if (record !== undefined) found.set(volumeHash, record);
      }
      return found;
    },
  };
}
