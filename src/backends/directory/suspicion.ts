import type { ProjectUsage } from '../../host/quota.ts';

/** What the quotas of a file system say, as far as it tells of volumes that got round theirs. */
export interface QuotaSigns {
  /** Bytes in use by projects that are no volume's and that nobody has limited, project 0 too: where data goes that leaves its quota. */
  readonly unlimited: ReadonlyMap<number, number>;
  /** Volumes' projects that use more than their limit: of a neighbour that was charged for others' data, or whose own came back. */
  readonly beyond: ReadonlySet<number>;
}

type Usages = ReadonlyMap<number, ProjectUsage> | undefined;

/** So much more in projects without a limit is no accident of our own records, nor of what else is on the file system. */
const GROWTH_BYTES = 16 * 1024 ** 2;
/** File systems count some blocks of their own for a project, and may go beyond its limit with those. */
const SLACK_BYTES = 1024 ** 2;

/** True if a project uses more than it may. */
export function isBeyond({ usedBytes, limitBytes }: ProjectUsage): boolean {
  return limitBytes > 0 && usedBytes > limitBytes + SLACK_BYTES;
}

/**
 * @param volumes the projects of the pool's volumes
 * @returns undefined where there are too many projects to look at
 */
export function readSigns(usages: Usages, volumes: ReadonlySet<number>): QuotaSigns | undefined {
  if (usages === undefined) return undefined;
  const unlimited = new Map<number, number>();
  const beyond = new Set<number>();
  for (const [projectId, usage] of usages) {
    if (volumes.has(projectId)) {
      if (isBeyond(usage)) beyond.add(projectId);
    } else if (usage.limitBytes === 0 && usage.usedInodes > 0) unlimited.set(projectId, usage.usedBytes);
  }
  return { unlimited, beyond };
}

/** True if something happened since the earlier signs that a volume getting round its quota would explain. */
export function isSuspicious(now: QuotaSigns | undefined, before: QuotaSigns | undefined): boolean {
  if (now === undefined || before === undefined) return true;
  for (const [projectId, usedBytes] of now.unlimited) {
    const usedBefore = before.unlimited.get(projectId);
    if (usedBefore === undefined || usedBytes - usedBefore >= GROWTH_BYTES) return true;
  }
  return [...now.beyond].some((projectId) => !before.beyond.has(projectId));
}
