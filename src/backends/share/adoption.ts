import { join } from 'node:path';
import { errnoOf, messageOf, StowageError } from '../../errors.ts';
import type { Files } from '../../host/files.ts';
import type { Backend } from '../backend.ts';
import { shareLayout } from '../layout.ts';
import type { Claims } from './claims.ts';
import { OWN_FOLDER, parentOf } from './place.ts';
import { reaching } from './reach.ts';

/** Folders that were on the share before, of volumes that another driver made: see Backend.adoption. */
export function createAdoption(sharePath: string, files: Files, claims: Claims): NonNullable<Backend['adoption']> {
  return {
    async check({ subDir }) {
      const open = () => reaching(subDir, () => files.openFolder(sharePath, subDir));
      const folder = await open().catch((error: unknown) => {
        throw notUsable(subDir, error);
      });
      try {
        const [there, share] = await Promise.all([files.stat(`${folder.path}/.`), files.stat(sharePath)]);
        // It could not be renamed to the trash or the archive.
        if (there === undefined || there.device !== share?.device) {
          throw new StowageError(
            'precondition',
            `subDir ${subDir} is on another file system of the server than the share: use that file system's own export as the share`,
          );
        }
      } finally {
        await folder.close();
      }
      await checkNoShare(sharePath, files, subDir);
    },
    async take(item) {
      if (!shareLayout(item).shared) await claims.take(item);
    },
  };
}

/** Two shares of one server may have the same folders: what one of them keeps must not be another's, too. */
async function checkNoShare(sharePath: string, files: Files, subDir: string): Promise<void> {
  for (let folder = subDir; folder !== ''; folder = parentOf(folder)) {
    if ((await files.stat(join(sharePath, folder, OWN_FOLDER))) === undefined) continue;
    throw new StowageError(
      'already-exists',
      `${folder} on the share has volumes of its own, as a share that Stowage knows; what lies in it can be adopted on that share`,
    );
  }
}

function notUsable(subDir: string, error: unknown): unknown {
  switch (errnoOf(error)) {
    case 'ENOENT':
      return new StowageError('not-found', `subDir ${subDir} is missing on the share`, { cause: error });
    case 'EACCES':
    case 'EPERM':
      return new StowageError(
        'precondition',
        `the server does not let root look at subDir ${subDir} (${messageOf(error)}); export the share with no_root_squash`,
        { cause: error },
      );
    default:
      return error;
  }
}
