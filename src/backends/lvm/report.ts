import * as z from 'zod/mini';
import { messageOf, StowageError } from '../../errors.ts';
import type { Commands } from '../../host/command.ts';
import { OWN_TAG } from './names.ts';

/** A logical volume as lvs(8) shows it. */
export interface LogicalVolume {
  readonly name: string;
  readonly sizeBytes: number;
  readonly tags: readonly string[];
  readonly attributes: string; // lv_attr: ten characters
  readonly thinPool: string | undefined;
  /** Of a thin pool, or of a thin volume that is active; undefined of all others. */
  readonly dataPercent: number | undefined;
  readonly metadataPercent: number | undefined;
  readonly health: string; // '' is well; partial, failed, out_of_data, metadata_read_only, ...
  readonly needsCheck: boolean;
  readonly isActive: boolean;
  readonly isOpen: boolean;
  readonly isSuspended: boolean;
}

/** A whole volume group at one moment. */
export interface Report {
  readonly sizeBytes: number;
  readonly freeBytes: number;
  readonly extentBytes: number;
  readonly tags: readonly string[];
  readonly volumes: ReadonlyMap<string, LogicalVolume>;
  /** Those with our tag: another's of the same name is none of our business. */
  readonly own: ReadonlyMap<string, LogicalVolume>;
}

const GROUP_FIELDS = ['vg_size', 'vg_free', 'vg_extent_size', 'vg_tags'] as const;
const VOLUME_FIELDS = [
  'lv_name',
  'lv_size',
  'lv_tags',
  'lv_attr',
  'pool_lv',
  'data_percent',
  'metadata_percent',
  'lv_health_status',
  'lv_check_needed',
  'lv_active',
  'lv_device_open',
  'lv_suspended',
] as const;

const groupRow = z.object({
  vg_size: z.string(),
  vg_free: z.string(),
  vg_extent_size: z.string(),
  vg_tags: z.string(),
});
const volumeRow = z.extend(groupRow, {
  lv_name: z.string(),
  lv_size: z.string(),
  lv_tags: z.string(),
  lv_attr: z.string(),
  pool_lv: z.string(),
  data_percent: z.string(),
  metadata_percent: z.string(),
  lv_health_status: z.string(),
  lv_check_needed: z.string(),
  lv_active: z.string(),
  lv_device_open: z.string(),
  lv_suspended: z.string(),
});
const volumesReport = z.object({ report: z.tuple([z.object({ lv: z.array(volumeRow) })]) });
const groupReport = z.object({ report: z.tuple([z.object({ vg: z.tuple([groupRow]) })]) });

/**
 * Reads the group and all its logical volumes, by one lvs(8); a group without any by vgs(8), since lvs then shows nothing.
 * 'unavailable' where there is no such group.
 */
export async function readReport(commands: Commands, group: string, signal: AbortSignal): Promise<Report> {
  const volumes = await show(commands, ['lvs', ...VOLUME_FIELDS, ...GROUP_FIELDS], group, signal);
  const rows = parse(volumesReport, volumes, 'lvs').report[0].lv;
  const [first] = rows;
  if (first !== undefined) return toReport(first, rows);
  const alone = await show(commands, ['vgs', ...GROUP_FIELDS], group, signal);
  return toReport(parse(groupReport, alone, 'vgs').report[0].vg[0], []);
}

async function show(
  commands: Commands,
  [program, ...fields]: readonly [string, ...string[]],
  group: string,
  signal: AbortSignal,
): Promise<string> {
  const format = ['--reportformat', 'json', '--units', 'b', '--nosuffix', '-o', fields.join(',')];
  try {
    return (await commands.run(program, ['-qq', ...format, group], { signal })).stdout;
  } catch (error) {
    if (!/Volume group "[^"]*" not found/.test(messageOf(error))) throw error;
    throw new StowageError(
      'unavailable',
      `volume group ${group} is not there: attach its disks, or make it (vgcreate ${group} DEVICE...)`,
      { cause: error },
    );
  }
}

function parse<T>(schema: z.ZodMiniType<T>, text: string, program: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new StowageError('internal', `${program} gave another answer than lvm2 2.03 does: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function toReport(group: z.infer<typeof groupRow>, rows: readonly z.infer<typeof volumeRow>[]): Report {
  const volumes = rows.map(toVolume);
  return {
    sizeBytes: Number(group.vg_size),
    freeBytes: Number(group.vg_free),
    extentBytes: Number(group.vg_extent_size),
    tags: tagsOf(group.vg_tags),
    volumes: byName(volumes),
    own: byName(volumes.filter(({ tags }) => tags.includes(OWN_TAG))),
  };
}

function byName(volumes: readonly LogicalVolume[]): Map<string, LogicalVolume> {
  return new Map(volumes.map((volume) => [volume.name, volume]));
}

function toVolume(row: z.infer<typeof volumeRow>): LogicalVolume {
  return {
    name: row.lv_name,
    sizeBytes: Number(row.lv_size),
    tags: tagsOf(row.lv_tags),
    attributes: row.lv_attr,
    thinPool: row.pool_lv || undefined,
    dataPercent: percent(row.data_percent),
    metadataPercent: percent(row.metadata_percent),
    health: row.lv_health_status,
    needsCheck: row.lv_check_needed !== '' && row.lv_check_needed !== 'unknown', // unknown: inactive, or no thin pool
    isActive: row.lv_active !== '',
    isOpen: row.lv_device_open === 'open',
    isSuspended: row.lv_suspended === 'suspended',
  };
}

function tagsOf(text: string): string[] {
  return text.split(',').filter((tag) => tag !== '');
}

function percent(text: string): number | undefined {
  return text === '' ? undefined : Number(text);
}
