import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Files } from '../../host/files.ts';
import { formatBytes } from './format.ts';

/** The programs that the demonstration and the driver run, and the Debian package that has each. */
const PROGRAMS = [
  { name: 'mkfs.xfs', debianPackage: 'xfsprogs' },
  { name: 'mkfs.ext4', debianPackage: 'e2fsprogs' },
  { name: 'resize2fs', debianPackage: 'e2fsprogs' },
  { name: 'mount', debianPackage: 'mount' },
  { name: 'umount', debianPackage: 'mount' },
  { name: 'losetup', debianPackage: 'mount' },
] as const;

/** Searched after PATH, which may be a user's. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

export interface Machine {
  readonly platform: string;
  readonly userId: number | undefined; // undefined where the platform has none
  readonly programFolders: readonly string[];
  readonly temporaryFolder: string;
}

/** This machine, as its process and $PATH show it. */
export function thisMachine(temporaryFolder: string): Machine {
  const path = (process.env.PATH ?? '').split(':').filter((folder) => folder !== '');
  return {
    platform: process.platform,
    userId: process.getuid?.(),
    programFolders: [...path, ...SYSTEM_FOLDERS],
    temporaryFolder,
  };
}

/** What the demonstration lacks on this machine, in words that say what to do; empty where it can run. */
export async function missingRequirements(
  machine: Machine,
  files: Pick<Files, 'stat' | 'statfs'>,
  neededBytes: number,
): Promise<string[]> {
  if (machine.platform !== 'linux') return [`Linux: volumes are made by its kernel; this is ${machine.platform}`];
  const missing: string[] = [];
  if (machine.userId !== 0) missing.push('root, to mount file systems and attach loop devices: run it with sudo');
  for (const program of PROGRAMS) {
    if (!(await isProgram(program.name, machine.programFolders)))
      missing.push(`the program ${program.name}: apt-get install ${program.debianPackage}`);
  }
  if ((await files.stat('/dev/loop-control')) === undefined)
    missing.push('loop devices (/dev/loop-control): modprobe loop, or in a container run it privileged');
  const { availableBytes } = await files.statfs(machine.temporaryFolder);
  if (availableBytes < neededBytes)
    missing.push(
      `${formatBytes(neededBytes)} free in ${machine.temporaryFolder}, which has ${formatBytes(availableBytes)}: set TMPDIR to a folder with more`,
    );
  return missing;
}

async function isProgram(name: string, folders: readonly string[]): Promise<boolean> {
  for (const folder of folders) {
    const found = await access(join(folder, name), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}
