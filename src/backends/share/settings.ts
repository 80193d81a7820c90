/** What the backend takes from a share's pool. */
export interface ShareSettings {
  readonly name: string;
  readonly path: string; // where the share is mounted
}
