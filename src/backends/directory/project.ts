import { randomInt } from 'node:crypto';
import { StowageError } from '../../errors.ts';
import type { Quotas } from '../../host/quota.ts';

/** Ids are drawn from the upper half of what ext4 and XFS tools take as signed, far from the small ids that people choose. */
const FIRST_ID = 0x40000000;
const LAST_ID = 0x7fffffff;

const ATTEMPTS_MAX = 16;
const RECENT_MAX = 1024;

/**
 * Ids given out lately by this process: one that is planned has no use or limit that the kernel knows of yet. For all
 * pools together, since two of them may lie on one file system.
 */
const recent = new Set<number>();

/**
 * A project id that nothing on the path's file system uses. It is drawn at random from 2^30, so that one that was recorded but
 * not yet used before a restart is not met either. Throws 'internal' where all of 16 draws are taken.
 */
export async function pickProjectId(quotas: Pick<Quotas, 'usage'>, path: string): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const id = randomInt(FIRST_ID, LAST_ID + 1);
    if (recent.has(id)) continue;
    const { usedBytes, usedInodes, limitBytes, limitInodes } = await quotas.usage(path, id);
    if (usedBytes + usedInodes + limitBytes + limitInodes > 0) continue;
    remember(id);
    return id;
  }
  throw new StowageError(
    'internal',
    `no free project id found on ${path} in ${ATTEMPTS_MAX} draws: look at 'repquota -P' for what uses them`,
  );
}

function remember(id: number): void {
  recent.add(id);
  for (const oldest of recent) {
    if (recent.size <= RECENT_MAX) break;
    recent.delete(oldest);
  }
}
