import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { StowageError } from '../../errors.ts';
import type { Files } from '../../host/files.ts';
import type { Item } from '../backend.ts';
import { shareLayout } from '../layout.ts';
import { OWN_FOLDER } from './place.ts';

/**
 * Whose folder a subDir is: a symbolic link for each in `.stowage/claims`, whose text is the volume's id (over NFS one request makes it, where a file needs four), made before the folder is made and removed when it has gone to the trash or the archive. So a folder that
 * was there before is never taken for ours, and one that a later volume has in the same place is never taken for that of a volume whose deletion is repeated.
 */
export interface Claims {
  /** @returns false where it was the item's already. @throws 'busy' where another volume has not yet left it */
  take(item: Item): Promise<boolean>;
  isOf(item: Item): Promise<boolean>;
  /** True where it is the item's, false where it is nobody's. @throws as `take` */
  isTaken(item: Item): Promise<boolean>;
  release(item: Item): Promise<void>;
}

export function createClaims(sharePath: string, files: Files): Claims {
  const pathOf = (subDir: string) =>
    join(sharePath, OWN_FOLDER, 'claims', createHash('sha256').update(subDir).digest('hex').slice(0, 32));
  const owner = (subDir: string) => files.readLink(pathOf(subDir));

  async function isTaken(item: Item): Promise<boolean> {
    const { subDir } = shareLayout(item);
    const now = await owner(subDir);
    if (now !== undefined && now !== item.id) throw busy(subDir, now);
    return now === item.id;
  }

  return {
    async take(item) {
      const { subDir } = shareLayout(item);
      if (await files.makeLink(pathOf(subDir), item.id)) return true;
      if (await isTaken(item)) return false;
      throw busy(subDir, 'that has left it just now');
    },
    isTaken,
    isOf: async (item) => (await owner(shareLayout(item).subDir)) === item.id,
    release: (item) => files.removeDurably(pathOf(shareLayout(item).subDir)),
  };
}

function busy(subDir: string, owner: string): StowageError {
  return new StowageError(
    'busy',
    `subDir ${subDir} is still that of volume ${owner}, which is being deleted; call again`,
  );
}
