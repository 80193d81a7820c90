import { StowageError } from '../../errors.ts';
import type { LvmPool } from './context.ts';
import type { LogicalVolume, Report } from './report.ts';

/** From here on nothing new is taken in, whatever the overcommit ratio: what is there must be able to go on writing. */
const REFUSE_DATA_PERCENT = 90;
const REFUSE_METADATA_PERCENT = 80;
/** From here on every volume says so in its condition. */
const WARN_DATA_PERCENT = 85;
const WARN_METADATA_PERCENT = 75;

type Settled = Pick<LvmPool, 'settings'>;

/** The configured thin pool; undefined for thick volumes. 'unavailable' where it is missing or something else. */
export function thinPoolOf({ settings }: Settled, report: Report): LogicalVolume | undefined {
  const { thinPool, volumeGroup, name } = settings;
  if (thinPool === undefined) return undefined;
  const found = report.volumes.get(thinPool);
  if (found?.attributes.startsWith('t')) return found;
  const what = found === undefined ? 'there is none' : 'that is no thin pool';
  throw new StowageError(
    'unavailable',
    `pool ${name}: thin pool ${volumeGroup}/${thinPool} cannot be used: ${what}; make it (lvcreate --type thin-pool -L SIZE -n ${thinPool} ${volumeGroup}), or name another`,
  );
}

/** Throws 'exhausted', with the numbers, where the thin pool is nearly full, and 'unavailable' where it is damaged. */
export function requireRoom(pool: Settled, report: Report, what: string): void {
  const thin = thinPoolOf(pool, report);
  if (thin === undefined) return; // LVM itself refuses what a group has no extents for
  const damage = thinPoolDamage(pool, thin);
  if (damage !== undefined) throw new StowageError('unavailable', `${what}: ${damage}`);
  if (!isFuller(thin, REFUSE_DATA_PERCENT, REFUSE_METADATA_PERCENT)) return;
  throw new StowageError(
    'exhausted',
    `${what}: ${describeUse(pool, thin)}; nothing new is taken in from ${REFUSE_DATA_PERCENT} % of data or ${REFUSE_METADATA_PERCENT} % of metadata on: delete volumes or snapshots, or enlarge it (lvextend, with --poolmetadatasize for metadata)`,
  );
}

/** True where requireRoom would refuse. */
export function refusesNew(pool: Settled, thin: LogicalVolume): boolean {
  const isDamaged = thinPoolDamage(pool, thin) !== undefined;
  return isDamaged || isFuller(thin, REFUSE_DATA_PERCENT, REFUSE_METADATA_PERCENT);
}

/** Words for a thin pool that is damaged or nearly full; undefined where all is well. */
export function thinPoolCondition(pool: Settled, thin: LogicalVolume): string | undefined {
  const damage = thinPoolDamage(pool, thin);
  if (damage !== undefined) return damage;
  if (!isFuller(thin, WARN_DATA_PERCENT, WARN_METADATA_PERCENT)) return undefined;
  return `${describeUse(pool, thin)}: writes fail when it is full; delete volumes or snapshots, or enlarge it with lvextend`;
}

function thinPoolDamage({ settings }: Settled, thin: LogicalVolume): string | undefined {
  const name = `thin pool ${settings.volumeGroup}/${thin.name}`;
  if (thin.health !== '') {
    return `${name} is not well (${thin.health}): see the kernel log, and lvmthin(7) on how to go on`;
  }
  if (!thin.needsCheck) return undefined;
  return `${name} needs a check of its metadata: stop its pods, then lvconvert --repair ${settings.volumeGroup}/${thin.name}`;
}

function describeUse({ settings }: Settled, thin: LogicalVolume): string {
  const data = `${thin.dataPercent ?? 0} % of its ${thin.sizeBytes} bytes`;
  return `thin pool ${settings.volumeGroup}/${thin.name} has used ${data}, and ${thin.metadataPercent ?? 0} % of its metadata`;
}

function isFuller(thin: LogicalVolume, dataPercent: number, metadataPercent: number): boolean {
  return (thin.dataPercent ?? 0) >= dataPercent || (thin.metadataPercent ?? 0) >= metadataPercent;
}
