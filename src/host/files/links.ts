import { readlink, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Files } from '../files.ts';
import type { SyncFolder } from './fd.ts';

export function createLinks(syncFolder: SyncFolder): Pick<Files, 'makeLink' | 'readLink'> {
  return {
    async makeLink(path, text) {
      try {
        await symlink(text, path);
      } catch (error) {
        if (errnoOf(error) === 'EEXIST') return false;
        throw error;
      }
      await syncFolder(dirname(path));
      return true;
    },

    async readLink(path) {
      try {
        return await readlink(path);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
  };
}
