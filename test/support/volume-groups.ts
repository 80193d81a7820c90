import { execFile } from 'node:child_process';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const quiet = ['--yes', '-qq'];

export const THIN_POOL = 'thin';

/** The volume group of a pool of kind lvm-thin or lvm-thick; it has hyphens, as users' groups may. */
export function volumeGroupOf(poolPath: string): string {
  return basename(dirname(poolPath));
}

/** A volume group on one disk, for the pool at `poolPath`; with a thin pool that takes all of it, but for what thick tests need. */
export async function makeVolumeGroup(poolPath: string, disk: string, withThinPool: boolean): Promise<void> {
  const group = volumeGroupOf(poolPath);
  await run('vgcreate', [...quiet, group, disk]);
  if (!withThinPool) return;
  const sizes = ['--extents', '90%VG', '--poolmetadatasize', '16m', '--chunksize', '64k'];
  await run('lvcreate', [...quiet, '--type', 'thin-pool', ...sizes, '--name', THIN_POOL, group]);
}

/** The names of its logical volumes. */
export async function logicalVolumes(poolPath: string): Promise<string[]> {
  const { stdout } = await run('lvs', ['--noheadings', '-o', 'lv_name', volumeGroupOf(poolPath)]);
  return stdout.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}

/** True of a mount's source that is one of the group's devices. */
export function isOfGroup(poolPath: string, source: string): boolean {
  return source.startsWith(`/dev/mapper/${volumeGroupOf(poolPath).replaceAll('-', '--')}-`);
}

/** Removes the group with all that is in it; nothing where it is not there. Nothing of it is mounted. */
export async function removeVolumeGroup(poolPath: string): Promise<void> {
  const group = volumeGroupOf(poolPath);
  const { stdout } = await run('vgs', ['--noheadings', '-o', 'vg_name']);
  if (stdout.split('\n').every((line) => line.trim() !== group)) return;
  await run('vgremove', [...quiet, '--force', group]);
}
