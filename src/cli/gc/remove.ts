import type { Backend, Item, Layout } from '../../backends/backend.ts';
import type { PoolConfig } from '../../config/schema.ts';
import { messageOf } from '../../errors.ts';
import type { Host } from '../../host/host.ts';
import { markOf, mountsOf, placeOf } from '../../staging/mounted.ts';
import type { Inspection } from '../inspect.ts';
import { folderOf, type Stray } from './strays.ts';

/** How long removing one may take. */
const TIMEOUT_MS = 3_600_000;

/** Records that cannot be read may be those of data that seems to have none. */
const UNREADABLE =
  'stays: a record of this pool cannot be read, and this may be its data; repair or remove that record first';

/** Where a backend keeps its data in the pool's folder, what a volume is as far as its removal needs to know. */
const LAYOUTS: Readonly<Partial<Record<PoolConfig['backend'], Layout>>> = {
  image: { backend: 'image', content: { type: 'block' }, blockSizeBytes: 4096, preallocated: false },
  directory: { backend: 'directory', inodeLimit: 0 },
  btrfs: { backend: 'btrfs' },
  memory: { backend: 'memory' },
};

/**
 * Removes data that no record names, in the way of its backend. What is in use stays, as does what may belong to a record that cannot be read.
 * @param inspection one that began after the stray was seen
 * @returns why it stays; undefined where it is gone
 */
export async function removeStray(inspection: Inspection, pool: PoolConfig, stray: Stray): Promise<string | undefined> {
  const { host, catalog } = inspection;
  const { backend } = inspection.backendOf(pool);
  const layout = LAYOUTS[pool.backend];
  if ([...catalog.damages()].some(([, damage]) => damage.pool === pool.name)) return UNREADABLE;
  if (stray.place === '.stowage/tmp') return "stays: the driver's next start removes it";
  if (stray.place === 'elsewhere' || layout === undefined) return `stays: ${byHand(pool, stray)}`;
  const item = itemOf(stray, layout);
  try {
    const use = await useOf(host, backend, item, stray.path, pool.backend === 'memory');
    if (use !== undefined) return `stays: it is in use at ${use}; unmount it first`;
    if (stray.place !== '.stowage/trash') await backend.discard(item);
    await backend.purge(item, AbortSignal.timeout(TIMEOUT_MS));
  } catch (error) {
    return `stays: ${messageOf(error)}`;
  }
  return (await host.files.stat(stray.path)) === undefined
    ? undefined
    : 'stays: this is no name of ours; remove it by hand';
}

function byHand(pool: PoolConfig, { path }: Stray): string {
  if (pool.backend === 'lvm') return `remove it by hand: lvremove ${path}`;
  return 'it may hold a claim on a disk: see docs/how-to/whole-disks.md, and remove it by hand';
}

function itemOf({ place, name }: Exclude<Stray, { place: 'elsewhere' }>, layout: Layout): Item {
  const kind = place === 'snapshots' ? 'snapshot' : 'volume';
  return { kind, id: name, folder: folderOf(name), sizeBytes: 0, reservedBytes: 0, layout };
}

/** Where it, a part of it, or something in it is mounted. @param isMount that a mount at its own path is the data itself */
async function useOf(
  host: Host,
  backend: Backend,
  item: Item,
  path: string,
  isMount: boolean,
): Promise<string | undefined> {
  const opened = await backend.opened(item);
  const table = await host.mounts.table();
  if (!isMount && table.at(path) !== undefined) return path;
  const within = table.entries.find(({ mountPoint }) => mountPoint.startsWith(`${path}/`));
  const marks = [
    { place: placeOf(table, path), blockDevice: undefined, home: path },
    ...(opened === undefined ? [] : [await markOf(host, opened, table)]),
  ];
  return (within ?? marks.flatMap((mark) => mountsOf(mark, table))[0])?.mountPoint;
}
