import { isStowageError } from '../../errors.ts';
import type { Commands } from '../command.ts';
import type { Files } from '../files.ts';
import type { PrivateBinds } from './private-bind.ts';
import { stating } from './stat.ts';

/** rm(1) walks by descriptors and never follows a link; chattr(1) walks by paths, so it works in a private bind. */
export function createRemoveTree(commands: Commands, binds: PrivateBinds): Files['removeTree'] {
  async function rm(path: string, signal: AbortSignal): Promise<void> {
    await commands.run('rm', ['-rf', '--one-file-system', '--', path], { signal });
  }

  /** Root in a pod may have made files immutable or append-only: chattr(1). Its exit code 1 counts entries without flags, such as links. */
  function unprotect(folder: string, signal: AbortSignal): Promise<void> {
    return binds.within(folder, [], async (tree) => {
      await commands.run('chattr', ['-R', '-f', '-i', '-a', '--', tree], { signal, exitCodes: [0, 1] });
    });
  }

  return async (path, signal) => {
    try {
      await rm(path, signal);
    } catch (error) {
      const left = isStowageError(error, 'internal') ? await stating.stat(path) : undefined;
      if (left?.type !== 'folder') throw error;
      await unprotect(path, signal);
      await rm(path, signal);
    }
  };
}
