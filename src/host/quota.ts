import { constants } from 'node:fs';
import { errnoOf, StowageError } from '../errors.ts';
import { READ_FLAGS, withOpen } from './files/fd.ts';
import {
  type DiskQuota,
  getAllQuotas,
  getProjectId,
  getQuota,
  getQuotaFlags,
  setProjectId,
  setQuota,
} from './quota-syscalls.ts';
import { repairTree, type TreeRepair } from './quota-tree.ts';

export type { TreeRepair } from './quota-tree.ts';

/** A project's use and limits on one file system; 0 as limit means none. */
export interface ProjectUsage {
  readonly usedBytes: number;
  readonly limitBytes: number;
  readonly usedInodes: number;
  readonly limitInodes: number;
}

/**
 * Project quotas of XFS and ext4 (quotactl_fd(2), ioctl_fsgetxattr(2)). Paths are anywhere on the file system; links are not followed.
 * Where the file system or the kernel (before 5.14) has no project quotas, all but `enforced` throw 'unsupported' StowageErrors.
 * What is copied into a folder that has a project id before the copy belongs to that project, so no call sets the ids of a whole tree.
 */
export interface Quotas {
  /** True if project quotas are on and enforced on this path's file system. */
  enforced(path: string): Promise<boolean>;
  /** The project id of a folder or file. */
  project(path: string): Promise<number>;
  /** Gives an (empty) folder a project id that its new entries inherit (FS_XFLAG_PROJINHERIT). */
  setProject(folder: string, projectId: number): Promise<void>;
  /** Hard limits on bytes (rounded up to whole KiB on ext4, to whole blocks on XFS) and inodes; 0 means none. */
  setLimits(
    path: string,
    projectId: number,
    limits: { readonly limitBytes: number; readonly limitInodes: number },
  ): Promise<void>;
  /** Zeros for a project that nothing is known of. XFS frees removed files in the background: their use is counted a moment longer. */
  usage(path: string, projectId: number): Promise<ProjectUsage>;
  /**
   * Every project of the path's file system that has a limit or uses anything, also project 0; undefined where there are more than 65536:
   * owners of files can make as many as they have files.
   */
  usages(path: string): Promise<ReadonlyMap<number, ProjectUsage> | undefined>;
  /**
   * Gives everything beneath a folder that has another project id this one again, and the folders their inheritance: their owner may change both
   * (ioctl_fsgetxattr(2)). Links are not followed and mounts not entered, also when swapped in meanwhile; nothing but files and folders is opened.
   * Slow on purpose: it rests as long as it works. Ends soon after the signal, with its reason.
   */
  repairTree(folder: string, projectId: number, signal: AbortSignal): Promise<TreeRepair>;
}

const PROJECTS_MAX = 65_536;

const PROJECT_QUOTA_ENFORCED = 1 << 5; // FS_QUOTA_PDQ_ENFD

/** ENOSYS: not in this kernel or file system; ESRCH: switched off; ENOTTY and ENOTSUP: no project ids here. */
const WITHOUT_QUOTA: ReadonlySet<string | undefined> = new Set(['ENOSYS', 'ESRCH', 'ENOTTY', 'ENOTSUP']);

/** Project quotas of this machine, by system calls. */
export function createQuotas(): Quotas {
  return {
    async enforced(path) {
      try {
        const flags = await withOpen(path, READ_FLAGS, (fd) => getQuotaFlags(fd, path));
        return (flags & PROJECT_QUOTA_ENFORCED) !== 0;
      } catch (error) {
        if (WITHOUT_QUOTA.has(errnoOf(error))) return false;
        throw error;
      }
    },
    project: (path) => withQuota(path, (fd) => getProjectId(fd, path)),
    setProject: (folder, projectId) => withQuota(folder, (fd) => setProjectId(fd, folder, projectId)),
    setLimits: (path, projectId, limits) => withQuota(path, (fd) => setQuota(fd, path, projectId, limits)),
    usage: (path, projectId) => withQuota(path, (fd) => usageOf(fd, path, projectId)),
    usages: (path) =>
      withQuota(path, async (fd) => {
        const all = await getAllQuotas(fd, path, PROJECTS_MAX);
        return all && new Map([...all].map(([projectId, quota]) => [projectId, toUsage(quota)]));
      }),
    repairTree: (folder, projectId, signal) =>
      withQuota(folder, (fd) => repairTree(fd, folder, projectId, signal), constants.O_DIRECTORY),
  };
}

async function usageOf(fd: number, path: string, projectId: number): Promise<ProjectUsage> {
  try {
    return toUsage(await getQuota(fd, path, projectId));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { usedBytes: 0, limitBytes: 0, usedInodes: 0, limitInodes: 0 };
    throw error;
  }
}

function toUsage({ usedBytes, hardLimitBytes, usedInodes, hardLimitInodes }: DiskQuota): ProjectUsage {
  return { usedBytes, limitBytes: hardLimitBytes, usedInodes, limitInodes: hardLimitInodes };
}

async function withQuota<T>(path: string, use: (fd: number) => Promise<T>, flags = 0): Promise<T> {
  try {
    return await withOpen(path, READ_FLAGS | flags, use);
  } catch (error) {
    if (!WITHOUT_QUOTA.has(errnoOf(error))) throw error;
    throw new StowageError(
      'unsupported',
      `the file system of ${path} has no project quotas here: they need XFS or ext4 (with the features project and quota) mounted with prjquota, on Linux 5.14 or later`,
      { cause: error },
    );
  }
}
