import type { Item } from '../backend.ts';
import type { BtrfsPool } from './context.ts';
import { ROOT_INODE } from './create.ts';
import { escapedWords } from './guard.ts';
import { holdVolume } from './hold.ts';
import { qgroupOf, showQgroup } from './qgroup.ts';

/** Words for what is wrong with a volume's subvolume, its limit, or what the pool lies on; undefined where nothing is. */
export async function volumeCondition(pool: BtrfsPool, item: Item): Promise<string | undefined> {
  return (await subvolumeProblem(pool, item)) ?? (await poolProblem(pool)) ?? (await limitProblem(pool, item));
}

async function subvolumeProblem({ host, places }: BtrfsPool, item: Item): Promise<string | undefined> {
  const path = places.path(item);
  const found = await places.at(item, host.files.stat);
  if (found === undefined) return `its subvolume ${path} is missing`;
  if (found.type !== 'folder') return `${path} is a ${found.type}, not a folder`;
  if (found.inode !== ROOT_INODE) return `${path} is a plain folder, not a subvolume: its size is not enforced`;
  return undefined;
}

/** Words for what is wrong with what the pool lies on; undefined where nothing is. */
export async function poolProblem({ host, btrfs, settings }: BtrfsPool): Promise<string | undefined> {
  const mount = (await host.mounts.table()).containing(settings.path);
  if (mount.superOptions.includes('ro')) {
    return `the pool's file system (${mount.source}) is read-only, as btrfs makes it after an error: look at 'dmesg'`;
  }
  const errors = await btrfs.deviceErrors(settings.path);
  if (errors === 0) return undefined;
  return `${errors} errors were counted on the pool's devices: look at 'btrfs device stats ${settings.path}', scrub or replace, then reset them with -z`;
}

async function limitProblem(pool: BtrfsPool, item: Item): Promise<string | undefined> {
  const group = qgroupOf(item);
  if (group === undefined) return undefined;
  const { status, byId } = await pool.btrfs.qgroups(pool.settings.path, group);
  if (status.mode === 'off')
    return 'quotas are off in its pool: its size is not enforced; restart stowage, which turns them on';
  if (byId.get(group)?.limitBytes === undefined)
    return `qgroup ${showQgroup(group)} has no limit: its size is not enforced`;
  const escaped = await holdVolume(pool, item);
  if (escaped > 0) return escapedWords(escaped);
  return undefined;
}
