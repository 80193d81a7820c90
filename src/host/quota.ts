/** A project's use and limits on one file system; 0 as limit means none. */
export interface ProjectUsage {
  readonly usedBytes: number;
  readonly limitBytes: number;
  readonly usedInodes: number;
  readonly limitInodes: number;
}

/** Project quotas of XFS and ext4 (quotactl_fd(2), ioctl_fsgetxattr). Paths are anywhere on the file system. */
export interface Quotas {
  /** True if project quotas are on and enforced on this path's file system. */
  enforced(path: string): Promise<boolean>;
  /** The project id of a folder or file. */
  project(path: string): Promise<number>;
  /** Gives an (empty) folder a project id that its new entries inherit (FS_XFLAG_PROJINHERIT). */
  setProject(folder: string, projectId: number): Promise<void>;
  setLimits(
    path: string,
    projectId: number,
    limits: { readonly limitBytes: number; readonly limitInodes: number },
  ): Promise<void>;
  usage(path: string, projectId: number): Promise<ProjectUsage>;
  /** Sets the project id of everything below a folder (after a copy), in a child: chattr -R -p or xfs_io -c "chproj -R". */
  setProjectTree(folder: string, projectId: number, signal: AbortSignal): Promise<void>;
}
