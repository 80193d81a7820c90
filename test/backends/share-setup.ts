import { randomBytes } from 'node:crypto';
import { readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Item, SharePlace } from '../../src/backends/backend.ts';
import { shareLayout } from '../../src/backends/layout.ts';
import type { Inspect } from './workbench.ts';

/** Where a new volume lies: a folder that no other has. */
export const newPlace = (change: Partial<SharePlace> = {}): SharePlace => ({
  subDir: `pvc-${randomBytes(6).toString('hex')}`,
  shared: false,
  ...change,
});

/** An item's path beneath its share. */
export const pathOf = (item: Item) =>
  item.kind === 'volume' ? shareLayout(item).subDir : join('.stowage/copies', item.folder);

/** What conformance needs to see of a share, at the path of its mount. */
export function inspectShare(path: string): Inspect {
  const named = async (folder: string, name: string) =>
    (await readdir(join(path, folder))).filter((entry) => entry.includes(name));
  return {
    trashed: (item) => named('.stowage/trash', item.folder),
    temporary: (item) => named('.stowage/tmp', item.folder),
    archived: (item) => named('.', `archived-${pathOf(item)}`),
    async hide(item) {
      await rename(join(path, pathOf(item)), join(path, 'elsewhere'));
      return () => rename(join(path, 'elsewhere'), join(path, pathOf(item)));
    },
    async obstruct(item) {
      await writeFile(join(path, pathOf(item)), 'in the way');
    },
  };
}
