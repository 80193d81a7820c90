/** What the directory backend takes from its pool's config. */
export interface DirectorySettings {
  readonly name: string;
  readonly path: string;
  readonly quota: 'enforced' | 'advisory';
  readonly inodesPerGiB: number;
  readonly folderMode: number;
  readonly quotaScanIntervalMs: number; // 0: never
}
