import { access, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createCleanup } from '../src/cli/demo/cleanup.ts';
import type { Host } from '../src/host/host.ts';
import { createHost } from '../src/host/system.ts';
import type { PoolConfig } from './drivers.ts';
import {
  makeDisk,
  makePoolFileSystem,
  makeThinPool,
  type Place,
  type PoolFileSystem,
  releaseInTheEnd,
} from './pool-fs.ts';
import { say } from './rounds.ts';

type Backend = PoolConfig['backend'];

/** A backend's pool, and beside it the file system on which plain files are what its volumes are compared with. */
export interface Ground {
  readonly backend: Backend;
  readonly title: string;
  readonly isDirect: boolean; // O_DIRECT, which a tmpfs has no use for
  readonly copies: boolean; // it has snapshots and clones
  readonly pool: PoolConfig;
  readonly path: string; // of the bare file system
}

interface Case extends Pick<Ground, 'backend' | 'title' | 'isDirect' | 'copies'> {
  /** The kernel has this path, or the backend is left out. */
  readonly needs?: string;
  readonly make: (host: Host, place: Place) => Promise<Pick<Ground, 'pool' | 'path'>>;
}

const THIN_POOL = 'thin';

const CASES: readonly Case[] = [
  {
    ...{ backend: 'image', title: 'image on XFS', isDirect: true, copies: true },
    make: (host, place) => onFileSystem(host, place, 'xfs', { name: 'image', backend: 'image', fsType: 'xfs' }),
  },
  {
    ...{ backend: 'image', title: 'image in the folder itself', isDirect: true, copies: false },
    make: async (_host, place) => {
      const path = join(place.folder, 'pool');
      await mkdir(path);
      return { pool: { name: 'image', backend: 'image', fsType: 'xfs', path }, path };
    },
  },
  {
    ...{ backend: 'directory', title: 'directory on XFS', isDirect: true, copies: true },
    make: (host, place) =>
      onFileSystem(host, place, 'xfs', { name: 'directory', backend: 'directory', quota: 'advisory' }),
  },
  {
    ...{ backend: 'btrfs', title: 'btrfs', isDirect: true, copies: true },
    make: (host, place) => onFileSystem(host, place, 'btrfs', { name: 'btrfs', backend: 'btrfs', quota: 'advisory' }),
  },
  {
    ...{ backend: 'disk', title: 'disk, XFS', isDirect: true, copies: false },
    async make(host, place) {
      const link = join(place.folder, 'disk'); // the pool takes stable names alone
      await symlink(await makeDisk(host, 'disk.img', place), link);
      return besideFileSystem(host, place, 'xfs', { name: 'disk', backend: 'disk', devices: [link], fsType: 'xfs' });
    },
  },
  {
    ...{ backend: 'lvm', title: 'lvm, thin, XFS', isDirect: true, copies: true, needs: '/dev/mapper/control' },
    async make(host, place) {
      const volumeGroup = await makeThinPool(host, THIN_POOL, place);
      const pool = { name: 'lvm', backend: 'lvm', volumeGroup, thinPool: THIN_POOL, fsType: 'xfs' } as const;
      return besideFileSystem(host, place, 'xfs', pool);
    },
  },
  {
    ...{ backend: 'memory', title: 'memory', isDirect: false, copies: false },
    make: (host, place) =>
      besideFileSystem(host, place, 'tmpfs', { name: 'memory', backend: 'memory', size: String(place.sizeBytes) }),
  },
];

/** Lets `use` work on the ground of each of these backends, or of all, one after another, with a folder of its own. What this kernel cannot run is said and left out. */
export async function onEachGround<T>(
  folder: string,
  { backends, sizeBytes }: { readonly backends: readonly string[]; readonly sizeBytes: number },
  use: (host: Host, ground: Ground, folder: string) => Promise<T>,
): Promise<T[]> {
  const { possible, impossible } = await casesOf(backends);
  for (const why of impossible) say(why);
  const results: T[] = [];
  const host = createHost();
  for (const [index, one] of possible.entries()) {
    const place = { folder: join(folder, `${one.backend}-${index}`), sizeBytes, cleanup: createCleanup() };
    try {
      await mkdir(place.folder, { recursive: true });
      releaseInTheEnd(host, place);
      results.push(await use(host, await makeGround(host, one, place), place.folder));
    } finally {
      for (const failure of await place.cleanup.run()) say(`could not undo ${failure}`);
    }
  }
  return results;
}

/** The cases of these backends, or all; those that this kernel cannot run are given apart. Throws for a backend that there is none of. */
async function casesOf(backends: readonly string[]): Promise<{ possible: Case[]; impossible: string[] }> {
  const unknown = backends.find((name) => CASES.every(({ backend }) => backend !== name));
  if (unknown !== undefined)
    throw new TypeError(`--backend ${unknown}: there are ${CASES.map(({ backend }) => backend).join(', ')}`);
  const possible: Case[] = [];
  const impossible: string[] = [];
  for (const one of CASES) {
    if (backends.length > 0 && !backends.includes(one.backend)) continue;
    if (one.needs === undefined || (await exists(one.needs))) possible.push(one);
    else impossible.push(`${one.title} is left out: this machine has no ${one.needs}`);
  }
  return { possible, impossible };
}

/** Makes what the case needs; the place's cleanup takes it back. */
async function makeGround(host: Host, { make, backend, title, isDirect, copies }: Case, place: Place): Promise<Ground> {
  return { backend, title, isDirect, copies, ...(await make(host, place)) };
}

type Pool = Omit<PoolConfig, 'path'>;

/** The pool lies on the file system. */
async function onFileSystem(host: Host, place: Place, kind: PoolFileSystem, pool: Pool) {
  const path = await makePoolFileSystem(host, kind, place);
  return { pool: { ...pool, path }, path };
}

/** The pool is elsewhere, and as large; only its records are in a folder. */
async function besideFileSystem(host: Host, place: Place, kind: PoolFileSystem, pool: Pool) {
  const records = join(place.folder, 'records');
  await mkdir(records);
  return { pool: { ...pool, path: records, overcommit: 1 }, path: await makePoolFileSystem(host, kind, place) };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
