import { StowageError } from '../errors.ts';
import type { Item, Layout } from './backend.ts';

export type DirectoryLayout = Extract<Layout, { backend: 'directory' }>;
export type ImageLayout = Extract<Layout, { backend: 'image' }>;

/** The layout of a snapshot of an item: no limit of its own, and nothing reserved in its file. */
export function snapshotLayout(source: Layout): Layout {
  switch (source.backend) {
    case 'directory':
      return { ...source, projectId: undefined };
    case 'image':
      return { ...source, preallocated: false };
  }
}

/** The item's layout, if it is a folder's. Throws 'precondition' for one of another backend: the pool's config was changed. */
export function directoryLayout(item: Item): DirectoryLayout {
  if (item.layout.backend !== 'directory') throw wrongBackend(item, 'directory');
  return item.layout;
}

/** The item's layout, if it is an image's. Throws 'precondition' as above. */
export function imageLayout(item: Item): ImageLayout {
  if (item.layout.backend !== 'image') throw wrongBackend(item, 'image');
  return item.layout;
}

function wrongBackend(item: Item, here: string): StowageError {
  return new StowageError(
    'precondition',
    `${item.kind} ${item.id} was made by backend ${item.layout.backend}, but its pool is configured as ${here}: set the pool's backend back to ${item.layout.backend}`,
  );
}
