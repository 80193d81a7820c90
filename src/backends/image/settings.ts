/** What the image backend takes from its pool's config. */
export interface ImageSettings {
  readonly name: string;
  readonly path: string;
  readonly fsType: 'ext4' | 'xfs'; // where a request names none
  readonly blockSizeBytes: 512 | 4096; // the loop devices' logical block size
  readonly preallocate: boolean;
}
