import { StowageError } from '../../errors.ts';
import type { Item, Plan, Wish } from '../backend.ts';
import { chooseSize } from '../sizes.ts';
import type { BtrfsPool } from './context.ts';
import { pickQgroupId } from './qgroup.ts';

/** An empty subvolume and the metadata of a few files take blocks of 16 KiB, which count as use. */
const LEAST_BYTES = 1024 ** 2;

/** Chooses size and qgroup; see Backend.plan. */
export async function planVolume(pool: BtrfsPool, wish: Wish, items: () => readonly Item[]): Promise<Plan> {
  checkAccess(pool, wish.access);
  const sizeBytes = chooseSize(wish, { leastBytes: LEAST_BYTES, sourceBytes: wish.source?.sizeBytes ?? 0 });
  await checkIsBtrfs(pool);
  if (pool.settings.quota === 'advisory') return { sizeBytes, layout: { backend: 'btrfs', qgroupId: undefined } };
  await pool.btrfs.enableQuotas(pool.settings.path);
  return { sizeBytes, layout: { backend: 'btrfs', qgroupId: await pickQgroupId(pool, items()) } };
}

/** Throws 'precondition' where the pool lies on another file system. */
export async function checkIsBtrfs({ settings, host }: BtrfsPool): Promise<void> {
  const { type } = await host.files.statfs(settings.path);
  if (type === 'btrfs') return;
  throw new StowageError(
    'precondition',
    `pool ${settings.name} shall keep btrfs subvolumes, but ${settings.path} is on another file system (${type}): mount btrfs there, or use backend directory or image`,
  );
}

function checkAccess({ settings }: BtrfsPool, access: Wish['access']): void {
  if (access.type === 'block') {
    throw new StowageError(
      'invalid',
      `pool ${settings.name} keeps subvolumes, which cannot be raw block devices: use a pool with backend image or lvm`,
    );
  }
  // The provisioner sends a default fs_type, so one that names what the pool is on is no contradiction.
  const asked = access.fsType ?? '';
  if (asked === '' || asked === 'btrfs') return;
  throw new StowageError(
    'invalid',
    `fs type ${asked} was asked for, but pool ${settings.name} keeps btrfs subvolumes: leave csi.storage.k8s.io/fstype out of the StorageClass, or use a pool with backend image`,
  );
}
