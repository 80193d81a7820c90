/** What the memory backend takes from its pool's config. */
export interface MemorySettings {
  readonly name: string;
  readonly path: string; // the folder of the pool's records and mounts
  readonly size: number; // bytes that all its volumes may take together
  readonly folderMode: number;
}
