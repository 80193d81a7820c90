import { StowageError } from '../errors.ts';
import type { Commands } from './command.ts';

/** Freezing of mounted file systems (fsfreeze(8), FIFREEZE/FITHAW). */
export interface Freezer {
  /** Writes back and stops writes to the file system mounted at `mountPoint`. 'busy' StowageError where it is frozen already (EBUSY). */
  freeze(mountPoint: string, signal: AbortSignal): Promise<void>;
  /** Undoes it; nothing where it is not frozen (EINVAL). Never aborted. */
  thaw(mountPoint: string): Promise<void>;
}

/** Creates the freezer, by fsfreeze(8) in a child: freezing writes back all that is dirty, which may take long. */
export function createFreezer(commands: Commands): Freezer {
  return {
    freeze: (mountPoint, signal) => freeze(commands, mountPoint, signal),
    thaw: (mountPoint) => thaw(commands, mountPoint),
  };
}

const FAILED = 1;

async function freeze(commands: Commands, mountPoint: string, signal: AbortSignal): Promise<void> {
  const { exitCode, stderr } = await commands.run('fsfreeze', ['--freeze', mountPoint], {
    signal,
    exitCodes: [0, FAILED],
  });
  if (exitCode === 0) return;
  if (stderr.includes('Device or resource busy')) {
    throw new StowageError('busy', `${mountPoint} is frozen already: thaw it, or wait until whoever froze it has`);
  }
  throw new StowageError('internal', `${mountPoint} cannot be frozen: ${stderr.trim()}`);
}

async function thaw(commands: Commands, mountPoint: string): Promise<void> {
  const never = new AbortController().signal;
  const { exitCode, stderr } = await commands.run('fsfreeze', ['--unfreeze', mountPoint], {
    signal: never,
    exitCodes: [0, FAILED],
  });
  if (exitCode === 0 || stderr.includes('unfreeze failed: Invalid argument')) return;
  throw new StowageError('internal', `${mountPoint} cannot be thawed: ${stderr.trim()}`);
}
