import { realpath } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from '../../errors.ts';
import type { Files } from '../files.ts';

const realpathOf = promisify(realpath.native);

export const resolving: Pick<Files, 'resolveParent'> = {
  async resolveParent(path) {
    try {
      return join(await realpathOf(dirname(path)), basename(path));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return path;
      throw error;
    }
  },
};
