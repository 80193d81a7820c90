/** What a cluster may have or lack; a case that needs what is lacking is not run, and the table says so. */
export type Feature = 'xfs' | 'btrfs' | 'quota' | 'resource' | 'snapshots' | 'twoNodes' | 'storageSuite' | 'power';

export interface Features {
  /** What is there. */
  readonly has: ReadonlySet<Feature>;
  /** Why something is not there. */
  readonly why: Readonly<Partial<Record<Feature, string>>>;
}
