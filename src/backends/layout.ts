import { StowageError } from '../errors.ts';
import type { Item, Layout } from './backend.ts';

export type DirectoryLayout = Extract<Layout, { backend: 'directory' }>;
export type ImageLayout = Extract<Layout, { backend: 'image' }>;
export type BtrfsLayout = Extract<Layout, { backend: 'btrfs' }>;
export type LvmLayout = Extract<Layout, { backend: 'lvm' }>;
export type DiskLayout = Extract<Layout, { backend: 'disk' }>;
export type ShareLayout = Extract<Layout, { backend: 'share' }>;

/** The layout of a snapshot of an item: no limit of its own, and nothing reserved in its file. */
export function snapshotLayout(source: Layout): Layout {
  switch (source.backend) {
    case 'directory':
      return { ...source, projectId: undefined };
    case 'image':
      return { ...source, preallocated: false };
    case 'btrfs':
      return { ...source, qgroupId: undefined };
    case 'lvm':
    case 'disk':
    case 'memory':
    case 'share':
      return source;
  }
}

/** The file system that the backend made in it; undefined for raw block, and where it is the pool's or was there before. */
export function madeFsType(layout: Layout): string | undefined {
  return 'content' in layout && layout.content.type === 'mount' ? layout.content.fsType : undefined;
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

/** The item's layout, if it is a subvolume's. Throws 'precondition' as above. */
export function btrfsLayout(item: Item): BtrfsLayout {
  if (item.layout.backend !== 'btrfs') throw wrongBackend(item, 'btrfs');
  return item.layout;
}

/** The item's layout, if it is a logical volume's. Throws 'precondition' as above. */
export function lvmLayout(item: Item): LvmLayout {
  if (item.layout.backend !== 'lvm') throw wrongBackend(item, 'lvm');
  return item.layout;
}

/** The item's layout, if it is a disk's. Throws 'precondition' as above. */
export function diskLayout(item: Item): DiskLayout {
  if (item.layout.backend !== 'disk') throw wrongBackend(item, 'disk');
  return item.layout;
}

/** The item's layout, if it is a folder's on a share. Throws 'precondition' as above. */
export function shareLayout(item: Item): ShareLayout {
  if (item.layout.backend !== 'share') throw wrongBackend(item, 'share');
  return item.layout;
}

function wrongBackend(item: Item, here: string): StowageError {
  return new StowageError(
    'precondition',
    `${item.kind} ${item.id} was made by backend ${item.layout.backend}, but its pool is configured as ${here}: set the pool's backend back to ${item.layout.backend}`,
  );
}
