import type { PoolKind } from '../support/pools.ts';
import type { KernelFeature } from './kernel.ts';

/** A pool to run csi-sanity against. */
export interface Scenario {
  readonly name: string; // names its files
  readonly backend: string;
  readonly pool: PoolKind;
  readonly settings: Readonly<Record<string, unknown>>; // keys of the pool besides name, backend and path
  readonly access: readonly Access[];
  readonly needs?: KernelFeature; // a kernel without it leaves the scenario to the lab
  /** Cases that may be skipped, by the beginning or end of their names, with the reason. */
  readonly maySkip?: Readonly<Record<string, string>>;
}

export type Access = 'mount' | 'block';

/** Cases of what a backend without snapshots and clones does not advertise. */
const NO_COPIES = {
  Snapshot: 'its features have no snapshots',
  GroupController: 'its features have no snapshots',
  'source snapshot': 'its features have no snapshots',
  'source volume': 'its features have no clones',
};

/** A backend is added here, with every way in which its pools differ. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'image-reflink',
    backend: 'image',
    pool: 'xfs',
    settings: { fsType: 'xfs' },
    access: ['mount', 'block'],
  },
  {
    name: 'image-copies',
    backend: 'image',
    pool: 'ext4',
    settings: { fsType: 'xfs', blockSizeBytes: 512 },
    access: ['mount', 'block'],
  },
  {
    name: 'image-preallocated',
    backend: 'image',
    pool: 'xfs',
    settings: { fsType: 'xfs', preallocate: true },
    access: ['mount', 'block'],
  },
  {
    name: 'image-ext4-volumes',
    backend: 'image',
    pool: 'xfs',
    settings: { fsType: 'ext4' },
    access: ['mount'],
    needs: 'ext4-growth',
  },
  {
    name: 'directory-advisory',
    backend: 'directory',
    pool: 'ext4',
    settings: { quota: 'advisory' },
    access: ['mount'],
  },
  {
    name: 'directory-xfs',
    backend: 'directory',
    pool: 'xfs-quota',
    settings: { quota: 'enforced' },
    access: ['mount'],
    needs: 'project-quota',
  },
  {
    name: 'directory-ext4',
    backend: 'directory',
    pool: 'ext4-quota',
    settings: { quota: 'enforced' },
    access: ['mount'],
    needs: 'project-quota',
  },
  {
    name: 'memory',
    backend: 'memory',
    pool: 'folder',
    settings: { size: '8Gi' },
    access: ['mount'],
    maySkip: NO_COPIES,
  },
];
