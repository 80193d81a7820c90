/** What a cluster may have or lack; a case that needs what is lacking is not run, and the table says so. */
export type Feature =
  | 'xfs'
  | 'btrfs'
  | 'quota'
  /** The nodes' kernel has device mapper with thin pools. */
  | 'lvm'
  | 'resource'
  | 'snapshots'
  | 'groupSnapshots'
  | 'twoNodes'
  | 'storageSuite'
  | 'jq'
  | 'power'
  /** The nodes' kernel has NFS, client and server. */
  | 'nfs'
  /** The environment names an NFS server. */
  | 'nfsServer'
  /** The environment says how to stop it and start it again. */
  | 'nfsStop'
  /** A node can serve volumes itself. */
  | 'nfsServing'
  | 'mariadb';

export interface Features {
  /** What is there. */
  readonly has: ReadonlySet<Feature>;
  /** Why something is not there. */
  readonly why: Readonly<Partial<Record<Feature, string>>>;
}
