import { basename, join, posix } from 'node:path';
import { errnoOf, isStowageError } from '../../errors.ts';
import type { Files, LinkText } from '../../host/files.ts';
import type { Item } from '../backend.ts';
import { shareLayout } from '../layout.ts';
import type { BackendLog } from '../log.ts';
import { compactTime } from '../places.ts';
import { removeEntry, removeHalfMade } from '../remove.ts';
import { DRIVER_STOPS, endIfAborted } from '../signals.ts';
import type { Claims } from './claims.ts';
import { foreign, OWN_FOLDER, parentOf } from './place.ts';
import { reaching } from './reach.ts';

const TEMPORARY = `${OWN_FOLDER}/tmp`;
const TRASH = `${OWN_FOLDER}/trash`;
const SNAPSHOTS = `${OWN_FOLDER}/copies`;

/** Where the items of one share lie: volumes in the folders that were asked for, all else in `.stowage`. */
export interface SharePlaces {
  /** Relative to the share. */
  relative(item: Item): string;
  path(item: Item): string;
  exists(item: Item): Promise<boolean>;
  /** @throws 'precondition' where a link or a file is on the way to a new volume's folder; its parents may be missing */
  checkWay(subDir: string): Promise<void>;
  /** Claims a new volume's place; see Claims.take, which this looks at the place for. */
  claim(item: Item): Promise<boolean>;
  /** Makes the item's empty folder in its place, whose parents are made. @returns false where a folder is there @throws 'already-exists' where another thing is */
  make(item: Item, mode: number): Promise<boolean>;
  /**
   * Claims a new volume's place right in the share and makes its empty folder there, by one call.
   * @returns false where it did not make the folder: `claim` and `make` say why @throws 'already-exists' where something came into the place when it was claimed
   */
  makeClaimed(item: Item, mode: number): Promise<boolean>;
  /** Makes a folder at a temporary path and lets `fill` fill it, then renames it to its place, whose parents are made: complete or not at all. */
  build(item: Item, fill: (path: string) => Promise<void>, how: BuildOptions): Promise<void>;
  /** Lets `use` reach the item's folder, through no link. ENOENT where it is missing. */
  within(item: Item, use: (path: string) => Promise<void>): Promise<void>;
  /** To the trash; nothing where it is not there. */
  discard(item: Item): Promise<void>;
  /** To `archived-<name>` beside it, with the time behind where that is taken; nothing where it is not there. */
  archive(item: Item, at: Date): Promise<void>;
  purge(item: Item, signal: AbortSignal): Promise<void>;
  /** But for what is being made of the items. */
  emptyTemporary(items: readonly Item[], signal: AbortSignal): Promise<void>;
}

export interface BuildOptions {
  readonly signal: AbortSignal;
  readonly mode: number;
  /** `fill` goes on with what it left when it ended for a while: by the driver's own end, or with 'unavailable'. Else it begins with nothing. */
  readonly resumes: boolean;
}

export function createSharePlaces(sharePath: string, files: Files, claims: Claims, log: BackendLog): SharePlaces {
  const relative = (item: Item) =>
    item.kind === 'volume' ? shareLayout(item).subDir : posix.join(SNAPSHOTS, item.folder);

  /** The share itself is reached through no link: it is mounted there. */
  async function within<T>(folder: string, use: (path: string) => Promise<T>): Promise<T> {
    if (folder === '') return use(sharePath);
    const handle = await reaching(folder, () => files.openFolder(sharePath, folder));
    try {
      return await use(handle.path);
    } finally {
      await handle.close();
    }
  }

  /** A path beneath its parent, reached without following links; undefined where the parent is missing. */
  async function at<T>(name: string, use: (path: string) => Promise<T>): Promise<T | undefined> {
    try {
      return await within(parentOf(name), (folder) => use(join(folder, basename(name))));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  const remove = (path: string, signal: AbortSignal) => removeEntry(files, path, signal);

  async function makeEmpty(path: string, { signal, mode, resumes }: BuildOptions): Promise<void> {
    if ((await files.makeFolder(path, mode)) || resumes) return;
    await remove(path, signal);
    await files.makeFolder(path, mode);
  }

  /** The item's path, beneath its parents, which are made. */
  async function atNew<T>(item: Item, use: (path: string) => Promise<T>): Promise<T> {
    const name = relative(item);
    const parent = parentOf(name);
    if (parent !== '') await reaching(parent, () => files.makeBeneath(sharePath, parent, 'folder', 0o755));
    return within(parent, (folder) => use(join(folder, basename(name))));
  }

  /** Makes the folder at the path that is the item's; see makeFolder. */
  async function makeOwn(item: Item, path: string, mode: number, claim?: LinkText): Promise<boolean> {
    try {
      return await files.makeFolder(path, mode, 'now', claim);
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? foreign(relative(item)) : error;
    }
  }

  const settle = (item: Item, made: string) =>
    atNew(item, async (path) => {
      if ((await files.stat(path)) !== undefined) throw foreign(relative(item));
      await files.rename(made, path);
    });

  return {
    relative,
    path: (item) => join(sharePath, relative(item)),
    exists: async (item) => (await at(relative(item), (path) => files.stat(path)))?.type === 'folder',
    async checkWay(subDir) {
      const parent = parentOf(subDir);
      if (parent === '') return;
      await within(parent, async () => undefined).catch((error: unknown) => {
        if (errnoOf(error) !== 'ENOENT') throw error;
      });
    },
    // Nothing is there where its parent is missing.
    claim: async (item) => (await at(relative(item), (path) => claims.take(item, path))) ?? claims.take(item),
    within: (item, use) => within(relative(item), use),
    make: (item, mode) => atNew(item, (path) => makeOwn(item, path, mode)),
    makeClaimed: (item, mode) => makeOwn(item, join(sharePath, relative(item)), mode, claims.linkOf(item)),
    build: (item, fill, how) =>
      within(TEMPORARY, async (folder) => {
        const path = join(folder, item.folder);
        const { signal, resumes } = how;
        try {
          await makeEmpty(path, how);
          await fill(path);
          endIfAborted(signal, `making ${item.kind} ${item.id}`);
          await settle(item, path);
        } catch (error) {
          if (!resumes || !isPause(signal, error)) await removeHalfMade(remove, log, path, item);
          throw error;
        }
      }),
    async discard(item) {
      const from = relative(item);
      const to = posix.join(TRASH, item.folder);
      // Without its claim a volume has left, and the place may be another's; what took its place and is no folder is not ours.
      const claim = item.kind === 'volume' ? claims.linkOf(item) : undefined;
      await reaching(parentOf(from), () => files.moveFolder(sharePath, from, to, claim));
    },
    async archive(item, time) {
      if (!(await claims.isOf(item))) return;
      await at(relative(item), async (path) => {
        if ((await files.stat(path))?.type !== 'folder') return;
        const name = basename(path);
        const plain = join(path, '..', `archived-${name}`);
        const isTaken = (await files.stat(plain)) !== undefined;
        const to = isTaken ? `${plain}-${compactTime(time)}-${item.id.slice(-8)}` : plain;
        await files.rename(path, to);
      });
      await claims.release(item);
    },
    async purge(item, signal) {
      for (const place of [TEMPORARY, TRASH])
        await within(place, (folder) => remove(join(folder, item.folder), signal));
    },
    emptyTemporary: (items, signal) =>
      within(TEMPORARY, async (folder) => {
        const kept = new Set(items.map((item) => item.folder));
        for (const entry of await files.list(folder)) if (!kept.has(entry)) await remove(join(folder, entry), signal);
      }),
  };
}

function isPause(signal: AbortSignal, error: unknown): boolean {
  return signal.reason === DRIVER_STOPS || isStowageError(error, 'unavailable');
}
