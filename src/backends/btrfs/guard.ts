import type { GuardFinding, Item } from '../backend.ts';
import { endIfAborted } from '../signals.ts';
import type { BtrfsPool } from './context.ts';
import { holdVolume } from './hold.ts';
import { qgroupOf } from './qgroup.ts';
import { sweepQgroups } from './sweep.ts';

/** Finds the volumes in which users have made subvolumes, and counts those that are not counted to their limit; then removes what qgroups the kernel has let go of since. See Backend.guard. */
export async function guardVolumes(
  pool: BtrfsPool,
  items: readonly Item[],
  signal: AbortSignal,
): Promise<readonly GuardFinding[]> {
  const ids = await subvolumeIds(pool);
  const findings: GuardFinding[] = [];
  for (const item of items.filter((one) => qgroupOf(one) !== undefined)) {
    endIfAborted(signal, `looking for subvolumes in the volumes of pool ${pool.settings.name}`);
    const id = ids.get(item.folder);
    if (id === undefined || (await pool.btrfs.nested(pool.settings.path, id)).length === 0) continue;
    const escapes = await holdVolume(pool, item);
    if (escapes > 0) findings.push({ item, problem: escapedWords(escapes), escapes });
  }
  await sweepQgroups(pool);
  return findings;
}

export function escapedWords(escapes: number): string {
  return `${escapes} subvolumes in it were not counted to its limit; from now on they are`;
}

/** The subvolumes of all volumes, by the names of their folders, in one look at the tree of roots. */
async function subvolumeIds({ btrfs, host, settings }: BtrfsPool): Promise<Map<string, number>> {
  const folder = await host.files.stat(`${settings.path}/volumes`);
  const nested = await btrfs.nested(settings.path, await btrfs.subvolumeIdAt(settings.path));
  return new Map(nested.flatMap(({ id, folderInode, name }) => (folderInode === folder?.inode ? [[name, id]] : [])));
}
