import type { Item } from '../../backends/backend.ts';
import { type DiskId, parseDiskId } from '../../backends/disk/id.ts';
import { diskLayout } from '../../backends/layout.ts';
import { errnoOf, isStowageError, StowageError } from '../../errors.ts';
import type { MountTable } from '../../host/mounts.ts';
import { deviceNumber } from '../../staging/mounted.ts';
import type { Context } from '../context.ts';
import { isWithin, type Reserved, refused } from './refused.ts';

const MAX_NAME_BYTES = 256;

/** The disks that volumes of disk pools have, whole. */
export async function takenDisks(context: Context, table: MountTable): Promise<Reserved[]> {
  const taken: Reserved[] = [];
  for (const pool of context.pools.values()) {
    if (pool.config.backend !== 'disk') continue;
    for (const item of pool.items()) {
      const id = idOf(item);
      if (id === undefined) continue;
      const device = id.type === 'folder' ? table.at(id.mountPoint)?.device : await numberOf(context, id.path);
      if (device !== undefined) taken.push({ what: `volume ${item.id} of pool ${pool.name}`, device, root: '/' });
    }
  }
  return taken;
}

/** A damaged record that names no disk is reported for itself, and keeps no other disk from being used. */
function idOf(item: Item): DiskId | undefined {
  try {
    return parseDiskId(diskLayout(item).disk);
  } catch (error) {
    if (isStowageError(error, 'data-loss')) return undefined;
    throw error;
  }
}

/** The number of the device that a path of /dev leads to; undefined where there is none now. */
async function numberOf(context: Context, path: string): Promise<string | undefined> {
  try {
    const opened = await context.host.files.openPath(path, '');
    opened.close();
    return deviceNumber(opened.stat.rdev);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Refuses the device of a volume of ours: a loop device on its file, a logical volume of a pool's volume group, or a disk that the group is on. */
export async function refuseOwnDevice(context: Context, path: string, device: string): Promise<void> {
  const loop = (await context.host.loops.list()).find(({ number }) => number === device);
  const names = await mapperNames(context, device);
  for (const { name, config } of context.pools.values()) {
    const isOwnLoop = loop !== undefined && isWithin(loop.backingFile, config.path);
    const prefix = config.backend === 'lvm' ? `${config.volumeGroup.replaceAll('-', '--')}-` : undefined; // dmsetup(8) doubles hyphens
    const isOwnLogical = prefix !== undefined && names.some((candidate) => candidate.startsWith(prefix));
    if (isOwnLoop || isOwnLogical) throw refused(path, `pool ${name}`);
  }
}

/** Refuses a disk for raw access while the host uses it: two writers would destroy what is on it. */
export async function refuseIfInUse(context: Context, path: string, device: string, table: MountTable): Promise<void> {
  const mount = table.entries.find((entry) => entry.device === device);
  const [holder] = await context.host.files.list(`/sys/dev/block/${device}/holders`);
  const use =
    mount !== undefined ? `mounted at ${mount.mountPoint}` : holder !== undefined ? `a part of ${holder}` : '';
  if (use === '') return;
  throw new StowageError(
    'precondition',
    `block device ${path} is ${use}, and cannot be a raw block volume at the same time; unmount it, or release it, first`,
  );
}

/** The names, as device-mapper has them, of the device and of those that are built on it. */
async function mapperNames(context: Context, device: string): Promise<string[]> {
  const { files } = context.host;
  const holders = await files.list(`/sys/dev/block/${device}/holders`);
  const paths = [`/sys/dev/block/${device}`, ...holders.map((holder) => `/sys/block/${holder}`)];
  const names = await Promise.all(paths.map((folder) => files.read(`${folder}/dm/name`, MAX_NAME_BYTES)));
  return names.flatMap((name) => (name === undefined ? [] : [name.trim()]));
}
