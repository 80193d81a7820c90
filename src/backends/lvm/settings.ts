/** What the LVM backend takes from its pool's config. */
export interface LvmSettings {
  readonly name: string;
  readonly path: string; // the folder of the pool's records
  readonly volumeGroup: string;
  readonly thinPool?: string | undefined; // undefined: thick volumes
  readonly fsType: 'ext4' | 'xfs'; // where a request names none
}
