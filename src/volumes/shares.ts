import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod/mini';
import type { Backend } from '../backends/backend.ts';
import type { NfsConfig, SharePoolConfig } from '../config/schema.ts';
import { messageOf, StowageError } from '../errors.ts';
import { type Files, isTemporary } from '../host/files.ts';
import { hashOfShare, parseShareSource, type ShareSource } from '../nfs/source.ts';
import { listRemembered } from '../pools/identity.ts';
import type { Logger } from '../telemetry/log.ts';
import type { ManagedPool } from './context.ts';
import { hashPool } from './ids.ts';
import { createTurns, type Turns } from './turns.ts';

/**
 * The shares that volumes were made on: each is a pool. The table of them, one file each in the state folder, leads from an id to its server, and is durable
 * before the first record on the share is.
 */
export interface Shares {
  /** Reads the table. Entries that are damaged are reported; their shares come back with the next volume that names them. */
  load(): Promise<void>;
  /** The pool of a share, entered in the table if it is new. `options` are those that reach the server, for a share that is not mounted yet. */
  open(source: ShareSource, options: readonly string[]): Promise<ManagedPool>;
  /** The pool of a share that was reached before, by this process or an earlier one. */
  known(source: ShareSource): ManagedPool | undefined;
  /** What keeps the volumes of a share that is not known, to look only: nothing is entered or changed. */
  look(source: ShareSource, options: readonly string[]): Backend;
  /** The pool that an id names; undefined where the table has none such. */
  ofHash(poolHash: string): ManagedPool | undefined;
}

const MAX_ENTRY_BYTES = 16 * 1024;
const entrySchema = z.strictObject({
  schema: z.literal(1),
  server: z.string(),
  share: z.string(),
  options: z.array(z.string().check(z.maxLength(256))).check(z.maxLength(64)),
});

export interface SharesDeps {
  readonly files: Files;
  readonly config: NfsConfig;
  readonly log: Logger;
  /** Enters the pool among those of the driver. */
  readonly pathOf: (share: ShareSource & { readonly options: readonly string[] }) => string;
  readonly manage: (pool: SharePoolConfig, options: readonly string[]) => ManagedPool;
  readonly look: (pool: SharePoolConfig, options: readonly string[]) => Backend;
}

export function createShares({ files, config, log, pathOf, manage, look }: SharesDeps): Shares {
  const folder = join(config.stateDir, 'shares');
  const pools = new Map<string, ManagedPool>();
  const optionsOf = new Map<string, readonly string[]>(); // by name: those that each pool was made with
  const looked = new Map<string, Backend>(); // by name
  const turns = new Map<string, Turns>(); // by name
  const remembered = new Map<string, string>(); // hashes of pools, by name: of those not seen since the start

  function enter(source: ShareSource, options: readonly string[]): ManagedPool {
    const pool = manage(poolConfig(config, source, pathOf({ ...source, options })), options);
    pools.set(pool.name, pool);
    optionsOf.set(pool.name, options);
    return pool;
  }

  function known(source: ShareSource): ManagedPool | undefined {
    const pool = pools.get(shareName(source));
    return pool?.identity() !== undefined || remembered.has(shareName(source)) ? pool : undefined;
  }

  /** The pool of this name, where what was named for it is the same, or led there. */
  async function usable(source: ShareSource, options: readonly string[]): Promise<ManagedPool | undefined> {
    const there = pools.get(shareName(source));
    if (there === undefined || isDeepStrictEqual(optionsOf.get(there.name), options)) return there;
    return there.check().then(
      () => there,
      (error: unknown) => {
        log.warn({ pool: there.name, options, error: messageOf(error) }, 'never reached: other options are tried');
        return undefined;
      },
    );
  }

  async function readEntry(file: string): Promise<void> {
    const entry = entrySchema.parse(JSON.parse((await files.read(join(folder, file), MAX_ENTRY_BYTES)) ?? ''));
    const source = parseShareSource(entry.server, entry.share);
    if (`${shareName(source)}.json` !== file) throw new StowageError('data-loss', "it is another share's");
    enter(source, entry.options);
  }

  return {
    async load() {
      await files.makeFolders(folder);
      for (const { name, uuid } of await listRemembered(files, config.stateDir)) remembered.set(name, hashPool(uuid));
      for (const file of await files.list(folder)) {
        if (isTemporary(file)) await files.removeFile(join(folder, file));
        if (!file.endsWith('.json')) continue;
        await readEntry(file).catch((error: unknown) => {
          log.error(
            { file: join(folder, file), error: messageOf(error) },
            'an entry of the table of shares cannot be read',
          );
        });
      }
    },
    async open(source, options) {
      const name = shareName(source);
      const there = known(source);
      if (there !== undefined) return there;
      const turn = turns.get(name) ?? createTurns();
      turns.set(name, turn);
      // One that was never reached may have been named with options that do not lead there. But a share has one pool at a time: two
      // would be opened side by side, and the later one's recovery would undo what the first one is making.
      return turn(async () => {
        const first = known(source) ?? (await usable(source, options));
        if (first !== undefined) return first;
        const entry = { schema: 1, ...source, options };
        await files.writeDurably(join(folder, `${name}.json`), `${JSON.stringify(entry)}\n`);
        return enter(source, options);
      });
    },
    known,
    look(source, options) {
      const name = shareName(source);
      const backend = looked.get(name) ?? look(poolConfig(config, source, pathOf({ ...source, options })), options);
      looked.set(name, backend);
      return backend;
    },
    ofHash(poolHash) {
      for (const pool of pools.values()) {
        const uuid = pool.identity()?.uuid;
        if ((uuid === undefined ? remembered.get(pool.name) : hashPool(uuid)) === poolHash) return pool;
      }
      return undefined;
    },
  };
}

/** A share's name as a pool. */
export function shareName(source: ShareSource): string {
  return `share-${hashOfShare(source)}`;
}

/** Nobody here knows what else is on a server, nor can hold a volume to its size: sizes are promised without a bound. */
function poolConfig(config: NfsConfig, source: ShareSource, path: string): SharePoolConfig {
  return {
    ...source,
    backend: 'share',
    name: shareName(source),
    path,
    overcommit: Number.POSITIVE_INFINITY,
    requireMount: true,
    nodes: undefined,
    ephemeral: false,
    trashBytesPerSecond: config.trashBytesPerSecond,
    maxVolumeBytes: undefined,
  };
}
