import { StowageError } from '../../errors.ts';
import type { Item, Plan, Wish } from '../backend.ts';
import { copiedContent, leastBytes, newContent } from '../block/content.ts';
import { lvmLayout } from '../layout.ts';
import { chooseSize, SIZE_STEP_BYTES } from '../sizes.ts';
import type { LvmPool } from './context.ts';
import { requireRoom } from './limits.ts';
import { lvNames } from './names.ts';
import type { Report } from './report.ts';

/** What a group has that was not made otherwise: lvm.conf's default. */
const USUAL_EXTENT_BYTES = 4 * 1024 ** 2;

/** Chooses size (whole extents) and content; a copy takes its content from its source. See Backend.plan. */
export async function planVolume(pool: LvmPool, wish: Wish): Promise<Plan> {
  const { settings } = pool;
  const { source } = wish;
  if (source !== undefined) requireThin(pool);
  const content =
    source === undefined
      ? newContent(wish, settings.fsType, 'lvm')
      : copiedContent(wish, source, lvmLayout(source).content);
  const report = await pool.group.report();
  const sourceBytes = source === undefined ? 0 : contentBytes(report, source);
  const stepBytes = sizeStepBytes(report);
  const sizeBytes = chooseSize(wish, { leastBytes: leastBytes(content), sourceBytes, stepBytes });
  requireRoom(pool, report, `a new volume in pool ${settings.name}`);
  return { sizeBytes, layout: { backend: 'lvm', type: volumeType(pool), content } };
}

export function volumeType({ settings }: Pick<LvmPool, 'settings'>): 'thin' | 'thick' {
  return settings.thinPool === undefined ? 'thick' : 'thin';
}

/** Throws 'unsupported' in a pool of thick volumes, which have neither snapshots nor clones. */
export function requireThin(pool: LvmPool): void {
  if (volumeType(pool) === 'thin') return;
  throw new StowageError(
    'unsupported',
    `pool ${pool.settings.name} has thick logical volumes, which cannot be copied: use a pool with a thin pool (thinPool)`,
  );
}

/** Sizes are whole extents of the group. */
export function sizeStepBytes(report: Report | undefined): number {
  return Math.max(SIZE_STEP_BYTES, report?.extentBytes ?? USUAL_EXTENT_BYTES);
}

/** A snapshot's recorded size is what it takes; its content is as large as its logical volume. */
function contentBytes(report: Report, source: Item): number {
  const found = report.own.get(lvNames(source).live)?.sizeBytes ?? 0;
  return source.kind === 'volume' ? Math.max(source.sizeBytes, found) : found || source.sizeBytes;
}
