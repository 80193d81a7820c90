import { dirname, join } from 'node:path';
import { messageOf, StowageError } from '../errors.ts';
import { type Files, isTemporary } from '../host/files.ts';
import type { Catalog } from './catalog.ts';
import { type Kind, parseId } from './ids.ts';
import { type AnyRecord, MAX_RECORD_BYTES, parseRecord, serializeRecord } from './record.ts';

/** Records on disk, one file each in their pool, with the catalog kept in step. */
export interface Store {
  /** Removes what a process was writing when it was killed. Only where no other process writes: at the start. */
  tidy(pool: { readonly name: string; readonly path: string }): Promise<void>;
  /** Reads a pool's records into the catalog; a damaged one is entered as damage and left alone. @returns how many were read */
  load(pool: { readonly name: string; readonly path: string }): Promise<number>;
  /**
   * Enters a new record: into the catalog at once (its name and room are taken); out again if that fails. Durable when it settles, or, with 'later', not after what is made
   * then in its file system.
   */
  add<R extends AnyRecord>(record: R, durability?: 'now' | 'later'): Promise<R>;
  /** Makes a change durable, then enters it. @returns the record as it is now */
  update<R extends AnyRecord>(record: R, change: Partial<R>): Promise<R>;
  /** Removes records durably, with one fsync for each folder, then from the catalog. */
  remove(...records: readonly AnyRecord[]): Promise<void>;
}

const SUFFIX = '.json';
const KINDS: readonly Kind[] = ['volume', 'snapshot', 'group'];
const FOLDERS = { volume: 'volumes', snapshot: 'snapshots', group: 'groups' } as const;

/** Where a pool's records lie, and how they are reached. */
export interface PoolFiles {
  readonly path: string;
  readonly files: Files;
}

/** @param poolFiles of the pool of that name */
export function createStore(catalog: Catalog, poolFiles: (pool: string) => PoolFiles): Store {
  const filesOf = (record: AnyRecord) => poolFiles(record.pool).files;
  const pathOf = (record: AnyRecord) =>
    join(poolFiles(record.pool).path, '.stowage', FOLDERS[record.kind], record.id + SUFFIX);

  function enter(pool: string, kind: Kind, id: string, text: string): boolean {
    try {
      const record = parseRecord(text, pool);
      if (record.id !== id) throw new StowageError('data-loss', `it names ${record.id} inside`);
      const parsed = parseId(id);
      if (parsed.origin !== 'ours' || parsed.kind !== record.kind || kind !== record.kind) {
        throw new StowageError(
          'data-loss',
          `a ${record.kind} with this id does not belong into the folder of ${kind}s`,
        );
      }
      catalog.set(record);
      return true;
    } catch (error) {
      catalog.setDamage(id, { pool, problem: messageOf(error) });
      return false;
    }
  }

  /** A write that failed may have come as far as the disk. While that cannot be undone, the record stays: a retry goes on with it. */
  async function takeBack(record: AnyRecord, failure: unknown): Promise<void> {
    const files = filesOf(record);
    try {
      await files.removeDurably(pathOf(record));
    } catch (error) {
      // A read-only file system refuses to remove also what is not there.
      if ((await files.stat(pathOf(record))) !== undefined)
        throw new AggregateError([failure, error], `record ${record.id} could be neither written nor removed`);
    }
    catalog.remove(record.id, record.pool);
  }

  return {
    async tidy(pool) {
      const { files } = poolFiles(pool.name);
      for (const place of ['', ...Object.values(FOLDERS)]) {
        const folder = join(pool.path, '.stowage', place);
        for (const name of await files.list(folder)) if (isTemporary(name)) await files.removeFile(join(folder, name));
      }
    },
    async load(pool) {
      const { files } = poolFiles(pool.name);
      let count = 0;
      for (const kind of KINDS) {
        const folder = FOLDERS[kind];
        const path = join(pool.path, '.stowage', folder);
        for await (const batch of files.readAll(path, SUFFIX, MAX_RECORD_BYTES)) {
          for (const { name, text } of batch) if (enter(pool.name, kind, name.slice(0, -SUFFIX.length), text)) count++;
        }
      }
      return count;
    },
    async add(record, durability = 'now') {
      catalog.set(record);
      try {
        await filesOf(record).writeDurably(pathOf(record), serializeRecord(record), durability);
      } catch (error) {
        await takeBack(record, error);
        throw error;
      }
      return record;
    },
    async update(record, change) {
      const next = { ...record, ...change, generation: record.generation + 1 };
      await filesOf(record).writeDurably(pathOf(record), serializeRecord(next));
      catalog.set(next);
      return next;
    },
    async remove(...records) {
      const folders = new Map<string, Files>();
      for (const record of records) {
        const files = filesOf(record);
        await files.removeFile(pathOf(record));
        folders.set(dirname(pathOf(record)), files);
      }
      for (const [folder, files] of folders) await files.sync(folder);
      for (const { id, pool } of records) catalog.remove(id, pool);
    },
  };
}
