import { StowageError } from '../../errors.ts';
import { type LvmPool, STEP_TIMEOUT_MS } from './context.ts';
import { thinPoolOf } from './limits.ts';
import type { Report } from './report.ts';

/** lv_attr of a thin pool: new blocks read as zero (lvs(8), "Newly-allocated data blocks are overwritten with blocks of zeroes"). */
const ZERO_INDEX = 7;

/**
 * Ties the thin pool, or the group's thick volumes, to the pool's UUID by a tag of the group, so that records of one pool never
 * meet volumes of another. Pools may share a group, but not a thin pool. See Backend.claim.
 */
export async function claimGroup(pool: LvmPool, poolUuid: string): Promise<void> {
  const signal = AbortSignal.timeout(STEP_TIMEOUT_MS);
  const report = await pool.group.settledReport(signal);
  refuseUnzeroed(pool, report);
  if (isMarked(pool, report, poolUuid)) return;
  const { volumeGroup, name } = pool.settings;
  const tag = prefixOf(pool) + poolUuid;
  await pool.group.change('vgchange', ['--addtag', tag, volumeGroup], `marking the group of pool ${name}`, signal);
  // Another process may have marked it at the same moment.
  isMarked(pool, await pool.group.report(), poolUuid);
}

/** True where the mark is there. 'unavailable' where there is another's. */
function isMarked(pool: LvmPool, report: Report, poolUuid: string): boolean {
  const prefix = prefixOf(pool);
  const marks = report.tags.filter((tag) => tag.startsWith(prefix));
  const other = marks.find((mark) => mark !== prefix + poolUuid);
  if (other === undefined) return marks.length > 0;
  const { name, volumeGroup, thinPool } = pool.settings;
  const place = thinPool === undefined ? `thick volumes of ${volumeGroup}` : `${volumeGroup}/${thinPool}`;
  throw new StowageError(
    'unavailable',
    `pool ${name} cannot be used: ${place} belong to pool ${other.slice(prefix.length)}, and this is pool ${poolUuid}; give back that pool's folder with its records, or, if those volumes are given up, vgchange --deltag ${other} ${volumeGroup}`,
  );
}

function prefixOf({ settings: { thinPool } }: LvmPool): string {
  return thinPool === undefined ? 'stowage:thick:' : `stowage:thin:${thinPool}:`;
}

function refuseUnzeroed(pool: LvmPool, report: Report): void {
  const thin = thinPoolOf(pool, report);
  if (thin === undefined || thin.attributes[ZERO_INDEX] === 'z') return;
  const { name, volumeGroup } = pool.settings;
  throw new StowageError(
    'unavailable',
    `pool ${name} cannot be used: thin pool ${volumeGroup}/${thin.name} does not zero new blocks, so a volume could show what a deleted one held; lvchange --zero y ${volumeGroup}/${thin.name}`,
  );
}
