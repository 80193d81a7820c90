import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseMountTable } from '../../src/host/mountinfo.ts';
import type { MountEntry } from '../../src/host/mounts.ts';
import { POOL_FOLDERS } from '../../src/pools/identity.ts';
import type { Catalog } from '../../src/volumes/catalog.ts';
import type { AnyRecord, StoredRecord } from '../../src/volumes/record.ts';
import { logicalVolumes } from '../support/volume-groups.ts';
import { isLvm, type Place, poolNameOf } from './place.ts';
import { lookAtExports } from './served.ts';

const run = promisify(execFile);

/**
 * All that is there, of what a driver may leave: the same after a fault, a restart and a retry as without the fault. Ids, times and
 * device names, which differ each time, are replaced by the names of what they belong to; what belongs to nothing keeps its own name.
 */
export interface World {
  readonly mounts: readonly string[];
  readonly loops: readonly string[];
  readonly logicalVolumes: readonly string[];
  readonly files: readonly string[];
  readonly exports: readonly string[];
  readonly records: readonly string[];
  readonly problems: readonly string[];
}

const STATE_FOLDERS = ['pools', 'shares', 'mounts', 'exports', 'exports/pool'].map((name) => join('state', name));
const WORK_FOLDERS = ['.', 'staging', 'targets', 'state', ...STATE_FOLDERS];
const ARCHIVED_AT = /[-_]\d{8}T\d{6}Z/;
const RANDOM_DIGITS = 16;
const ARCHIVE_DIGITS = 8;

export async function look(place: Place, catalog: Catalog): Promise<World> {
  const { backend, pool, work } = place;
  const records = [...catalog.all()];
  const named = namesOf(records);
  const mounts = await mountsOf(pool, work);
  const problems = [
    ...(await frozen(mounts)),
    ...[...catalog.damages()].map(([id, { problem }]) => `${id} ${problem}`),
  ];
  const promised = records.reduce((sum, record) => sum + (record.kind === 'group' ? 0 : record.reservedBytes), 0);
  if (promised !== catalog.promisedBytes(poolNameOf(place))) problems.push(`records promise ${promised} bytes`);
  return {
    mounts: sorted(await Promise.all(mounts.map((mount) => describeMount(mount, work, named)))),
    loops: sorted((await loopsBeneath(pool)).map((file) => named(file.slice(pool.length)))),
    logicalVolumes: isLvm(backend) ? sorted((await logicalVolumes(pool)).map(named)) : [],
    files: sorted([
      ...(await listing(pool, ['.', ...POOL_FOLDERS], named)),
      ...(backend === 'share' ? await shareListing(pool, named) : []),
      ...(await workListing(work, named)),
    ]),
    exports: sorted((await lookAtExports(place, catalog)).map(named)),
    records: sorted(records.map((record) => describeRecord(record, named))),
    problems,
  };
}

/** Gives the function that replaces ids and folder names by names. */
function namesOf(records: readonly AnyRecord[]): (text: string) => string {
  const pairs: [string, string][] = [];
  for (const record of records) {
    const label = labelOf(record, records);
    if (record.kind !== 'group') {
      pairs.push([record.folder, `<${label}>`]);
      pairs.push([record.folder.slice(-RANDOM_DIGITS), `<${label}>`]); // of which logical volumes are named
    }
    pairs.push([record.id, `<${label}>`]);
    pairs.push([record.id.slice(-ARCHIVE_DIGITS), `<${label}>`]); // where two would have one name in a share's archive
  }
  pairs.sort(([one], [other]) => other.length - one.length); // members' folders begin with their group's id
  return (text) =>
    pairs.reduce((named, [from, to]) => named.replaceAll(from, to), text).replace(ARCHIVED_AT, '-<time>');
}

/** Members of a group are named by its id, which differs each time. */
function labelOf(record: AnyRecord, records: readonly AnyRecord[]): string {
  if (record.kind !== 'snapshot' || record.groupId === undefined) return record.name;
  const group = records.find(({ id }) => id === record.groupId);
  const source = records.find(({ id }) => id === record.sourceId);
  return `${group?.name ?? record.groupId} of ${source?.name ?? record.sourceId}`;
}

/** A snapshot reserves what its source holds at that moment, which a file system's own blocks change. */
function describeRecord(record: AnyRecord, named: (text: string) => string): string {
  const { kind, id, state } = record;
  if (record.kind === 'group') return `${kind} ${named(id)} ${state}`;
  if (record.kind === 'snapshot') return `${kind} ${named(id)} ${state}, ${record.sizeBytes} bytes`;
  const { sizeBytes, reservedBytes, onDelete, attached } = record;
  const rest = `${reservedBytes} reserved, ${onDelete}, attached to ${attached.length}`;
  return `${kind} ${named(id)} ${state}, ${sizeBytes} bytes, ${rest}`;
}

async function mountsOf(pool: string, work: string): Promise<MountEntry[]> {
  const table = parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'));
  const poolMount = table.containing(pool);
  const isPoolOwn = poolMount.mountPoint === pool; // else the pool is a folder of the machine's file system
  const ofPool = (mount: MountEntry) =>
    mount.device === poolMount.device && (isPoolOwn ? mount !== poolMount : mount.root.startsWith(pool));
  return table.entries.filter(
    (mount) => [work, pool].some((folder) => mount.mountPoint.startsWith(`${folder}/`)) || ofPool(mount),
  );
}

async function describeMount(mount: MountEntry, work: string, named: (text: string) => string): Promise<string> {
  const at = named(mount.mountPoint.replace(work, ''));
  const isOwn = mount.fsType === 'tmpfs' || (mount.fsType === 'xfs' && mount.source.startsWith('/dev/loop'));
  const size = isOwn ? await totalBytes(mount.mountPoint) : 0;
  return `${at}: ${mount.fsType} ${mount.options.includes('ro') ? 'ro' : 'rw'} ${named(mount.root).replace(/^\/(loop|dm-)\d+$/, '/$1')} ${size}`;
}

async function totalBytes(path: string): Promise<number> {
  const { blocks, bsize } = await statfs(path);
  return blocks * bsize;
}

/** fsfreeze(8) refuses to thaw what is not frozen, so that this also ends what it finds. */
async function frozen(mounts: readonly MountEntry[]): Promise<string[]> {
  const devices = new Map(
    mounts.filter(({ source }) => source.startsWith('/dev/loop')).map((mount) => [mount.device, mount]),
  );
  const found: string[] = [];
  for (const { mountPoint } of devices.values()) {
    const wasFrozen = await run('fsfreeze', ['--unfreeze', mountPoint]).then(
      () => true,
      () => false,
    );
    if (wasFrozen) found.push(`${mountPoint} was frozen`);
  }
  return found;
}

/** The files of the loop devices whose file lies in the pool. */
async function loopsBeneath(pool: string): Promise<string[]> {
  const devices = (await readdir('/sys/block')).filter((name) => name.startsWith('loop'));
  const files = await Promise.all(
    devices.map((name) => readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => '')),
  );
  return files.map((file) => file.trim()).filter((file) => file.startsWith(`${pool}/`));
}

async function listing(root: string, folders: readonly string[], named: (text: string) => string): Promise<string[]> {
  const lines: string[] = [];
  for (const folder of folders) {
    for (const name of await readdir(join(root, folder)).catch(() => [])) {
      // Others are not touched: they may be mounts of a volume that the node was shut out of.
      const length = name.endsWith('.img') ? ` ${(await lstat(join(root, folder, name))).size}` : '';
      lines.push(named(join(folder, name)) + length);
    }
  }
  return lines;
}

/** Everything that is not in our own folder, with its mode and owner; of our own what other pools have not; and whose each claim is. */
async function shareListing(pool: string, named: (text: string) => string): Promise<string[]> {
  const lines = await listing(pool, ['.stowage/copies'], named);
  for (const name of await readdir(join(pool, '.stowage/claims')).catch(() => []))
    lines.push(`${name} is claimed by ${named(await readlink(join(pool, '.stowage/claims', name)))}`);
  for (const path of await readdir(pool, { recursive: true })) {
    if (path.startsWith('.stowage')) continue;
    const { mode, uid, gid } = await lstat(join(pool, path));
    lines.push(`${named(path)} ${(mode & 0o7777).toString(8)} ${uid}:${gid}`);
  }
  return lines;
}

/** Also what lies in the staging folders. */
async function workListing(work: string, named: (text: string) => string): Promise<string[]> {
  const staged = await readdir(join(work, 'staging'));
  return listing(work, [...WORK_FOLDERS, ...staged.map((name) => join('staging', name))], named);
}

/** A short digest of a file's content. */
export async function digestOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
    .slice(0, 16);
}

export function isStored(record: AnyRecord): record is StoredRecord {
  return record.kind !== 'group';
}

function sorted(lines: readonly string[]): string[] {
  return [...lines].sort();
}
