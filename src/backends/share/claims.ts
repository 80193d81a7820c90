import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { StowageError } from '../../errors.ts';
import type { Files, LinkText } from '../../host/files.ts';
import type { Item } from '../backend.ts';
import { shareLayout } from '../layout.ts';
import { foreign, OWN_FOLDER } from './place.ts';

/**
 * Whose folder a subDir is: a symbolic link for each in `.stowage/claims`, whose text is the volume's id (over NFS one request makes it, where a file needs four), made before the folder is made and removed when it has gone to the trash or the archive. So a folder that
 * was there before is never taken for ours, and one that a later volume has in the same place is never taken for that of a volume whose deletion is repeated.
 */
export interface Claims {
  /**
   * @param place the folder itself, where it may be there: it is nobody's only where it is missing, too
   * @returns false where it was the item's already
   * @throws 'busy' where another volume has not yet left it, 'already-exists' where the folder is no volume's
   */
  take(item: Item, place?: string): Promise<boolean>;
  isOf(item: Item): Promise<boolean>;
  /** The item's claim, as it is kept. */
  linkOf(item: Item): LinkText;
  release(item: Item): Promise<void>;
}

export function createClaims(sharePath: string, files: Files): Claims {
  const pathOf = (subDir: string) =>
    join(sharePath, OWN_FOLDER, 'claims', createHash('sha256').update(subDir).digest('hex').slice(0, 32));
  const linkOf = (item: Item) => ({ path: pathOf(shareLayout(item).subDir), text: item.id });
  const owner = (item: Item) => files.readLink(linkOf(item).path);

  return {
    async take(item, place) {
      const { path, text } = linkOf(item);
      // The folder is looked at first: undoing what has a claim takes the folder for ours.
      if (await files.makeLink(path, place, text)) return true;
      const now = await owner(item);
      if (now === item.id) return false;
      const { subDir } = shareLayout(item);
      if (now !== undefined) throw busy(subDir, now);
      const isThere = place !== undefined && (await files.stat(place)) !== undefined;
      throw isThere ? foreign(subDir) : busy(subDir, 'that has left it just now');
    },
    isOf: async (item) => (await owner(item)) === item.id,
    linkOf,
    release: (item) => files.removeDurably(linkOf(item).path),
  };
}

function busy(subDir: string, owner: string): StowageError {
  return new StowageError(
    'busy',
    `subDir ${subDir} is still that of volume ${owner}, which is being deleted; call again`,
  );
}
