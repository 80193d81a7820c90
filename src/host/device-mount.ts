import { posix } from 'node:path';
import { StowageError } from '../errors.ts';
import type { Commands } from './command.ts';
import { CONTROL } from './control-characters.ts';

const FAILED = 32; // mount(8) and umount(8): the system call failed
const FS_TYPE = /^[a-z0-9][a-z0-9._-]*$/;
const SEPARATOR = /[,\s]/;

/** Throws StowageError 'invalid' unless `path` is absolute: a child has no use for our working folder, and might take `-x` for an option. */
export function requireAbsolute(path: string, what: string): void {
  if (posix.isAbsolute(path) && !path.includes('\0')) return;
  throw new StowageError('invalid', `the ${what} of a mount was given as "${path}", which is no absolute path`);
}

function requireSafeOptions(options: readonly string[]): void {
  const unsafe = options.find((option) => option === '' || SEPARATOR.test(option) || CONTROL.test(option));
  if (unsafe === undefined) return;
  throw new StowageError(
    'invalid',
    `the mount option ${JSON.stringify(unsafe)} is empty or contains a comma, white space or a control character: give each option on its own`,
  );
}

/** Mounts a block device: see Mounts.mountDevice. */
export async function mountDevice(
  commands: Commands,
  device: string,
  target: string,
  fsType: string,
  options: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  requireAbsolute(device, 'device');
  requireAbsolute(target, 'target');
  if (!FS_TYPE.test(fsType)) throw new StowageError('invalid', `"${fsType}" is not the name of a file system type`);
  requireSafeOptions(options);
  const optionArgs = options.length === 0 ? [] : ['-o', options.join(',')];
  await commands.run('mount', ['-t', fsType, ...optionArgs, device, target], { signal });
}

/** Unmounts a block device: see Mounts.unmountDevice. */
export async function unmountDevice(commands: Commands, target: string, signal: AbortSignal): Promise<void> {
  requireAbsolute(target, 'target');
  const { exitCode, stderr } = await commands.run('umount', [target], { signal, exitCodes: [0, FAILED] });
  if (exitCode === 0 || /: (not mounted|not found|no mount point specified)\.?\s*$/.test(stderr)) return;
  if (/: target is busy\.?\s*$/.test(stderr)) {
    throw new StowageError('busy', `${target} is still in use and was not unmounted: end what uses it and call again`);
  }
  throw new StowageError('internal', `umount ${target} failed: ${stderr.trim()}`);
}
