import { dirname } from 'node:path';
import { errnoOf } from '../../errors.ts';
import type { Files } from '../files.ts';
import { unlessMissing } from '../if-there.ts';
import type { SyncFolder } from './fd.ts';
import { stating } from './stat.ts';
import type { Waiting } from './waiting.ts';

export function createLinks(waiting: Waiting, syncFolder: SyncFolder): Pick<Files, 'makeLink' | 'readLink'> {
  return {
    async makeLink(path, vacant, text) {
      if (vacant !== undefined && (await stating.stat(vacant)) !== undefined) return false;
      try {
        await waiting.symlink(text, path);
      } catch (error) {
        if (errnoOf(error) === 'EEXIST') return false;
        throw error;
      }
      await syncFolder(dirname(path));
      return true;
    },

    readLink: (path) => unlessMissing(() => waiting.readlink(path), undefined),
  };
}
