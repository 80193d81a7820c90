/** What the btrfs backend takes from its pool's config. */
export interface BtrfsSettings {
  readonly name: string;
  readonly path: string;
  readonly quota: 'enforced' | 'advisory';
  readonly folderMode: number;
}
