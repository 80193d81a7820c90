import { join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Host } from '../../host/host.ts';
import { removeEntry } from '../remove.ts';
import { endIfAborted } from '../signals.ts';
import { isParent } from './qgroup.ts';

interface Where {
  readonly host: Host;
  readonly poolPath: string;
  /** Takes the qgroups of all subvolumes that go. */
  readonly leftQgroups: Set<number>;
}

/** Removes a subvolume with all subvolumes in it, or a folder that has some directly in it. */
export async function removeSubvolumes(where: Where, path: string, signal: AbortSignal): Promise<void> {
  const { btrfs, files } = where.host;
  const found = await btrfs.subvolume(path);
  if (found !== undefined) return destroyTree(where, found.id, signal);
  for (const name of await files.list(path).catch(emptyIfNoFolder)) {
    const within = await btrfs.subvolume(join(path, name));
    if (within !== undefined) await destroyTree(where, within.id, signal);
  }
  await removeEntry(files, path, signal);
}

function emptyIfNoFolder(error: unknown): string[] {
  if (errnoOf(error) === 'ENOTDIR') return [];
  throw error;
}

/**
 * Destroys a subvolume and all within it, innermost first, by id: names and places that a user chose do not matter. A full volume refuses
 * also that, so its limit goes first.
 */
async function destroyTree(where: Where, rootId: number, signal: AbortSignal): Promise<void> {
  const { host, poolPath, leftQgroups } = where;
  const { btrfs } = host;
  const ids = await subvolumesIn(where, rootId);
  const within = ids.length > 1;
  for (const group of await btrfs.relations(poolPath, rootId)) {
    if (isParent(group) && within) await btrfs.limitQgroup(poolPath, group, undefined);
  }
  for (const id of within ? ids : []) await btrfs.makeWritable(poolPath, id);
  for (const id of ids.reverse()) {
    endIfAborted(signal, `removing subvolume ${id} of ${poolPath}`);
    await btrfs.destroySubvolume(poolPath, id);
    leftQgroups.add(id);
  }
}

/** A subvolume's id and those of all within it, each before those in it. */
export async function subvolumesIn({ host, poolPath }: Omit<Where, 'leftQgroups'>, rootId: number): Promise<number[]> {
  const ids = [rootId];
  for (const id of ids) {
    for (const nested of await host.btrfs.nested(poolPath, id)) ids.push(nested.id);
  }
  return ids;
}
