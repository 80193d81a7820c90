import { basename, join } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Disk } from '../../host/disks.ts';
import { isTemporary } from '../../host/files.ts';
import type { MountEntry, MountTable } from '../../host/mounts.ts';
import { MIB } from '../sizes.ts';
import type { DiskPool } from './context.ts';
import type { FoundDisk } from './look.ts';
import { MARKER, OWN_FOLDER, TRASH_FOLDER, VOLUME_FOLDER, within } from './marker.ts';

/** How long looking at one disk may take. */
const EXAMINE_TIMEOUT_MS = 20_000;
/** A disk that is taken reads as zeros so far from both ends: data without a signature that anyone knows mostly begins there. */
export const ENDS_BYTES = MIB;
/** States of disks that do not answer: /sys/block/<disk>/device/state of SCSI and NVMe. */
const AWAY = ['offline', 'transport-offline', 'dead', 'deleting', 'deleting (no IO)'];

/** Why a disk that no volume of ours has is not to be touched: held by another, or not blank. Undefined where it can be taken. */
export function whyNotFree(
  pool: DiskPool,
  found: FoundDisk,
  table: MountTable,
  age: 'fresh' | 'recent',
): Promise<string | undefined> {
  const ask = () =>
    found.type === 'device' ? examineDevice(pool, found.disk, table) : examineFolder(pool, found.mount, table);
  const key = found.type === 'device' ? `${found.disk.number} ${found.id}` : `${found.mount.id} ${found.name}`;
  return age === 'fresh' ? pool.verdicts.fresh(key, ask) : pool.verdicts.get(key, ask);
}

async function examineDevice(pool: DiskPool, disk: Disk, table: MountTable): Promise<string | undefined> {
  const away = whyAway(disk);
  if (away !== undefined) return away;
  if (disk.readOnly) return 'it is read-only';
  if (disk.partitions.length > 0) return `it has partitions: ${disk.partitions.join(', ')}`;
  return (await whyHeld(pool, disk, table)) ?? whyNotBlank(pool, disk, AbortSignal.timeout(EXAMINE_TIMEOUT_MS));
}

/** Words for a disk that does not answer. */
export function whyAway(disk: Disk): string | undefined {
  if (disk.state !== undefined && AWAY.includes(disk.state)) return `its state is ${disk.state}`;
  return disk.sizeBytes === 0 ? 'it has no size: no medium is in it' : undefined;
}

/** Who else uses the disk. A raw block volume of another driver is a bind of its node, or lies behind a loop device. */
export async function whyHeld(pool: DiskPool, disk: Disk, table: MountTable): Promise<string | undefined> {
  const mount = mountsOfDisk(table, disk)[0] ?? nodeBinds(table, disk)[0];
  if (mount !== undefined) return `it is in use at ${mount.mountPoint}`;
  if (disk.holders.length > 0) return `it is a part of ${disk.holders.join(', ')}`;
  const loop = (await pool.host.loops.list()).find(({ backingFile }) => backingFile === disk.path);
  if (loop !== undefined) return `loop device ${loop.path} lies on it`;
  return (await pool.host.disks.isHeld(disk.path)) ? 'the kernel or a program holds it for itself' : undefined;
}

/** What is on the disk: a signature that libblkid knows, or other bytes than zeros at its ends. */
export async function whyNotBlank(pool: DiskPool, disk: Disk, signal: AbortSignal): Promise<string | undefined> {
  const { commands } = pool.host;
  const { stdout } = await commands.run('wipefs', ['--noheadings', '--output', 'TYPE', disk.path], { signal });
  const signatures = [...new Set(stdout.split('\n').map((line) => line.trim()))].filter(Boolean);
  if (signatures.length > 0) return `it is not blank: it holds ${signatures.join(', ')}`;
  for (const offset of endsOf(disk)) {
    const bytes = Math.min(ENDS_BYTES, disk.sizeBytes);
    const range = ['--bytes', String(bytes), '--ignore-initial', `${offset}:0`];
    const { exitCode } = await commands.run('cmp', ['--silent', ...range, disk.path, '/dev/zero'], {
      signal,
      exitCodes: [0, 1],
    });
    if (exitCode === 1) return `it is not blank: it holds data at byte ${offset} or after it`;
  }
  return undefined;
}

/** Where the first and the last MiB begin. */
export function endsOf(disk: Disk): number[] {
  return [0, Math.max(0, disk.sizeBytes - ENDS_BYTES)];
}

/** The mounts of the file system on the disk. */
export function mountsOfDisk(table: MountTable, disk: Disk): MountEntry[] {
  return table.entries.filter((entry) => entry.device === disk.number);
}

/** Where the disk's node is bound: raw block volumes. */
export function nodeBinds(table: MountTable, disk: Disk): MountEntry[] {
  return table.entries.filter(({ root, fsType }) => fsType === 'devtmpfs' && root === `/${basename(disk.path)}`);
}

async function examineFolder(pool: DiskPool, mount: MountEntry, table: MountTable): Promise<string | undefined> {
  const { mountPoint } = mount;
  if (mount.options.includes('ro') || mount.superOptions.includes('ro')) return 'it is mounted read-only';
  const other = table.entries.find((entry) => entry !== mount && shows(entry, mount));
  if (other !== undefined) return `it is in use at ${other.mountPoint}`;
  const root = await entriesOf(pool, mountPoint, '');
  const strangers = root.filter((name) => !['lost+found', OWN_FOLDER, VOLUME_FOLDER].includes(name));
  for (const folder of ['lost+found', VOLUME_FOLDER, join(OWN_FOLDER, TRASH_FOLDER)]) {
    if ((await entriesOf(pool, mountPoint, folder)).length > 0) strangers.push(`${folder}/`);
  }
  const own = await entriesOf(pool, mountPoint, OWN_FOLDER);
  const unknown = own.filter((name) => name !== MARKER && name !== TRASH_FOLDER && !isTemporary(name));
  strangers.push(...unknown.map((name) => join(OWN_FOLDER, name)));
  if (strangers.length === 0) return undefined;
  const shown = strangers.slice(0, 3).map((name) => JSON.stringify(name));
  return `it is not empty: it holds ${shown.join(', ')}${strangers.length > 3 ? ' and more' : ''}`;
}

/** True if a mount shows what another one shows, or a part of it. */
function shows(entry: MountEntry, { device, root }: MountEntry): boolean {
  return entry.device === device && (root === '/' || entry.root === root || entry.root.startsWith(`${root}/`));
}

async function entriesOf(pool: DiskPool, mountPoint: string, folder: string): Promise<string[]> {
  try {
    return await within(pool, mountPoint, folder, (path) => pool.host.files.list(path));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    if (errnoOf(error) === 'ENOTDIR') return ['(no folder)'];
    throw error;
  }
}
