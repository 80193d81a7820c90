import { lstat, mkdir, statfs } from 'node:fs/promises';
import { constants } from 'node:os';
import { errnoOf, StowageError } from '../../errors.ts';
import type { Commands } from '../command.ts';
import type { Files } from '../files.ts';
import { systemError } from '../libc.ts';
import type { PrivateBinds } from './private-bind.ts';

const CP_ARGS = ['--reflink=auto', '--sparse=always', '-T', '--'];
/** -a alone passes over xattrs that it could not copy. */
const ALL_XATTRS = ['-a', '--preserve=xattr', ...CP_ARGS];
/** Passes over xattrs of kinds that the other file system does not have (btrfs.compression); of others it says so, but ends with 0. */
const KNOWN_XATTRS = ['-d', '-R', '--preserve=all', ...CP_ARGS];
const BTRFS_MAGIC = 0x9123683e; // statfs(2)

/** What cp(1) says where an entry was removed, or replaced by one of another type, between being listed and being read. */
const CHANGED = [
  /^cp: (?!cannot create ).*: (No such file or directory|Too many levels of symbolic links|Not a directory)$/,
  /^cp: cannot read symbolic link .*: Invalid argument$/,
  /^cp: skipping file .*, as it was replaced while being copied$/,
];

export function createCopy(commands: Commands, binds: PrivateBinds): Files['copy'] {
  async function cp(args: readonly string[], from: string, to: string, signal: AbortSignal): Promise<void> {
    const { exitCode, stderr } = await commands.run('cp', [...args, from, to], { signal, exitCodes: [0, 1] });
    if (exitCode === 0 && (stderr === '' || args !== KNOWN_XATTRS)) return;
    const lines = stderr.trim().split('\n');
    const said = lines.slice(-5).join('\n');
    if (lines.every((line) => CHANGED.some((pattern) => pattern.test(line)))) {
      throw new StowageError('busy', `${from} changed while it was being copied to ${to}; copy it again: ${said}`);
    }
    throw new StowageError('internal', `cp from ${from} to ${to} failed: ${said}`);
  }

  return async (from, to, signal) => {
    if ((await lstat(from)).isDirectory()) {
      await makeTarget(to);
      const args = (await isBtrfs(from)) && !(await isBtrfs(to)) ? KNOWN_XATTRS : ALL_XATTRS;
      await binds.within(from, ['ro'], (source) => cp(args, source, to, signal));
      await commands.run('sync', ['--file-system', '--', to], { signal });
    } else {
      await refuseExisting(to);
      await cp(ALL_XATTRS, from, to, signal);
      await commands.run('sync', ['--', to], { signal });
    }
  };
}

async function isBtrfs(path: string): Promise<boolean> {
  return (await statfs(path)).type === BTRFS_MAGIC;
}

/** An empty folder is taken as it is: it may have a project quota already. cp gives it the source's owner, mode and times. */
async function makeTarget(path: string): Promise<void> {
  try {
    await mkdir(path, 0o700);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST' || !(await lstat(path)).isDirectory()) throw error;
  }
}

async function refuseExisting(path: string): Promise<void> {
  try {
    await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  throw systemError(constants.errno.EEXIST, 'copy', path);
}
