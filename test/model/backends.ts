import type { PoolSetup } from '../support/driver.ts';
import { disksBeside } from '../support/pools.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** A pool of the model: volumes of `volumeBytes` and somewhat more, of which it has room for many. */
export interface ModelledPool extends PoolSetup {
  readonly volumeBytes: number;
  /** Names of what is outside the folder of a pool at this path, and must be gone with its volumes. */
  readonly outside?: (path: string) => Promise<string[]>;
}

/** What one test runs on: all pools of one driver. */
export interface ModelledBackend {
  readonly title: string;
  readonly pools: readonly ModelledPool[];
}

type Unnamed = Omit<ModelledPool, 'name'>;

const IMAGE = { kind: 'xfs', sizeBytes: 2 * GIB, config: { backend: 'image' }, volumeBytes: 16 * MIB } as const;
const IMAGE_XFS = {
  kind: 'btrfs',
  sizeBytes: 16 * GIB,
  config: { backend: 'image', fsType: 'xfs' },
  volumeBytes: 300 * MIB,
} as const;
const IMAGE_COPIED = { ...IMAGE, kind: 'ext4' } as const;
const DIRECTORY = {
  kind: 'xfs',
  sizeBytes: GIB,
  config: { backend: 'directory', quota: 'advisory' },
  volumeBytes: MIB,
} as const;

const BTRFS = { kind: 'btrfs', sizeBytes: 2 * GIB, config: { backend: 'btrfs' }, volumeBytes: 16 * MIB } as const;

const DISKS = {
  kind: 'disks',
  sizeBytes: 32 * MIB,
  config: { backend: 'disk', overcommit: 1 },
  keysOf: (path: string) => ({ discovery: disksBeside(path) }),
  volumeBytes: 16 * MIB,
} as const;

const MEMORY = { kind: 'folder', config: { backend: 'memory', size: '512Mi' }, volumeBytes: MIB } as const;

/** One line for each backend whose kernel parts every machine has, and one for several in one driver. */
export const BACKENDS: readonly ModelledBackend[] = [
  backend('image, ext4, on xfs', IMAGE, IMAGE),
  backend('image, xfs, on btrfs', IMAGE_XFS, IMAGE_XFS),
  backend('image, ext4, on ext4 without clones', IMAGE_COPIED, IMAGE_COPIED),
  backend('directory, advisory', DIRECTORY, DIRECTORY),
  backend('memory', MEMORY, MEMORY),
  backend('btrfs', BTRFS, BTRFS),
  backend('disk', DISKS, DISKS),
  backend('several backends', IMAGE, DIRECTORY, MEMORY, IMAGE_COPIED),
];

/** Two pools or more, since copies and groups may, or may not, reach from one to another. */
export function backend(title: string, ...pools: readonly Unnamed[]): ModelledBackend {
  return { title, pools: pools.map((pool, index) => ({ name: `pool-${index}`, ...pool })) };
}
