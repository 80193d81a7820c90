/** What the disk backend takes from its pool's config. */
export interface DiskSettings {
  readonly name: string;
  readonly path: string; // the folder of the pool's records
  readonly devices: readonly string[]; // disks by stable names
  readonly discovery?: string | undefined; // a folder of mounted file systems and links to disks
  readonly fsType: 'ext4' | 'xfs'; // of raw disks, where a request names none
  readonly wipe: 'discard' | 'zero';
  readonly folderMode: number;
}
