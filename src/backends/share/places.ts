import { basename, join, posix } from 'node:path';
import { errnoOf, messageOf, StowageError } from '../../errors.ts';
import type { Files } from '../../host/files.ts';
import type { Item } from '../backend.ts';
import { shareLayout } from '../layout.ts';
import type { BackendLog } from '../log.ts';
import { endIfAborted } from '../signals.ts';
import type { Claims } from './claims.ts';
import { OWN_FOLDER, parentOf } from './place.ts';
import { reaching } from './reach.ts';

const TEMPORARY = `${OWN_FOLDER}/tmp`;
const TRASH = `${OWN_FOLDER}/trash`;
const SNAPSHOTS = `${OWN_FOLDER}/copies`;
const CLEANUP_TIMEOUT_MS = 30_000;

/** Where the items of one share lie: volumes in the folders that were asked for, all else in `.stowage`. */
export interface SharePlaces {
  /** Relative to the share. */
  relative(item: Item): string;
  path(item: Item): string;
  exists(item: Item): Promise<boolean>;
  /** Lets `make` make the folder at a temporary path, then renames it to its place, whose parents are made: complete or not at all. */
  build(item: Item, make: (path: string) => Promise<void>, signal: AbortSignal): Promise<void>;
  /** To the trash; nothing where it is not there. */
  discard(item: Item): Promise<void>;
  /** To `archived-<name>` beside it, with the time behind where that is taken; nothing where it is not there. */
  archive(item: Item, at: Date): Promise<void>;
  purge(item: Item, signal: AbortSignal): Promise<void>;
  emptyTemporary(signal: AbortSignal): Promise<void>;
}

export function createSharePlaces(sharePath: string, files: Files, claims: Claims, log: BackendLog): SharePlaces {
  const relative = (item: Item) =>
    item.kind === 'volume' ? shareLayout(item).subDir : posix.join(SNAPSHOTS, item.folder);

  async function within<T>(folder: string, use: (path: string) => Promise<T>): Promise<T> {
    const handle = await reaching(folder, () => files.openFolder(sharePath, folder));
    try {
      return await use(handle.path);
    } finally {
      await handle.close();
    }
  }

  /** The item's path beneath its parent, reached without following links; undefined where the parent is missing. */
  async function at<T>(item: Item, use: (path: string) => Promise<T>): Promise<T | undefined> {
    const name = relative(item);
    try {
      return await within(parentOf(name), (folder) => use(join(folder, basename(name))));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async function remove(path: string, signal: AbortSignal): Promise<void> {
    if ((await files.stat(path)) !== undefined) await files.removeTree(path, signal);
  }

  async function removeHalfMade(path: string, item: Item): Promise<void> {
    try {
      await remove(path, AbortSignal.timeout(CLEANUP_TIMEOUT_MS));
    } catch (error) {
      log.warn(
        { item: item.id, error: messageOf(error) },
        'a half-made folder stays in .stowage/tmp until the next start',
      );
    }
  }

  async function settle(item: Item, made: string): Promise<void> {
    const name = relative(item);
    const parent = parentOf(name);
    if (parent !== '') await reaching(parent, () => files.makeBeneath(sharePath, parent, 'folder', 0o755));
    await within(parent, async (folder) => {
      const path = join(folder, basename(name));
      if ((await files.stat(path)) !== undefined) {
        throw new StowageError(
          'already-exists',
          `${name} exists on the share already, and is no volume of ours; use another subDir, or onDelete: retain to use what is there`,
        );
      }
      await files.rename(made, path);
    });
  }

  return {
    relative,
    path: (item) => join(sharePath, relative(item)),
    exists: async (item) => (await at(item, (path) => files.stat(path)))?.type === 'folder',
    build: (item, make, signal) =>
      within(TEMPORARY, async (folder) => {
        const path = join(folder, item.folder);
        await remove(path, signal);
        try {
          await make(path);
          endIfAborted(signal, `making ${item.kind} ${item.id}`);
          await settle(item, path);
        } catch (error) {
          await removeHalfMade(path, item);
          throw error;
        }
      }),
    async discard(item) {
      if (item.kind === 'volume' && !(await claims.isOf(item))) return; // it has left, and the place may be another's
      await within(TRASH, (trash) =>
        at(item, async (path) => {
          if ((await files.stat(path)) === undefined) return;
          await files.rename(path, join(trash, item.folder));
        }),
      );
      if (item.kind === 'volume') await claims.release(item);
    },
    async archive(item, time) {
      if (!(await claims.isOf(item))) return;
      await at(item, async (path) => {
        if ((await files.stat(path)) === undefined) return;
        const name = basename(path);
        const plain = join(path, '..', `archived-${name}`);
        const isTaken = (await files.stat(plain)) !== undefined;
        await files.rename(path, isTaken ? `${plain}-${compactTime(time)}-${item.id.slice(-8)}` : plain);
      });
      await claims.release(item);
    },
    async purge(item, signal) {
      for (const place of [TEMPORARY, TRASH])
        await within(place, (folder) => remove(join(folder, item.folder), signal));
    },
    emptyTemporary: (signal) =>
      within(TEMPORARY, async (folder) => {
        for (const entry of await files.list(folder)) await remove(join(folder, entry), signal);
      }),
  };
}

/** 2026-11-21T08:00:00.000Z -> 20261121T080000Z */
function compactTime(at: Date): string {
  return at.toISOString().replace(/[-:]|\.\d+/g, '');
}
