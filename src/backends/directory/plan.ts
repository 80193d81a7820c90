import { StowageError } from '../../errors.ts';
import type { Host } from '../../host/host.ts';
import type { Plan, Wish } from '../backend.ts';
import { directoryLayout } from '../layout.ts';
import { chooseSize, GIB, SIZE_STEP_BYTES } from '../sizes.ts';
import { pickProjectId } from './project.ts';
import type { DirectorySettings } from './settings.ts';

/** What statfs(2) calls the file systems that a StorageClass may name. */
const STATFS_TYPES: Readonly<Record<string, string>> = { ext4: 'ext', ext3: 'ext', xfs: 'xfs', btrfs: 'btrfs' };

/** Chooses size, project id and inode limit; see Backend.plan. */
export async function planDirectory(settings: DirectorySettings, host: Host, wish: Wish): Promise<Plan> {
  await checkAccess(settings, host, wish.access);
  const sizeBytes = chooseSize(wish, { leastBytes: SIZE_STEP_BYTES, sourceBytes: wish.source?.sizeBytes ?? 0 });
  const sourceInodes = wish.source === undefined ? 0 : directoryLayout(wish.source).inodeLimit;
  const limit = inodeLimitFor(settings, sizeBytes);
  const inodeLimit = limit === 0 ? 0 : Math.max(limit, sourceInodes);
  if (settings.quota === 'advisory') {
    return { sizeBytes, layout: { backend: 'directory', projectId: undefined, inodeLimit } };
  }
  await checkQuotasOn(settings, host);
  const projectId = await pickProjectId(host.quotas, settings.path);
  return { sizeBytes, layout: { backend: 'directory', projectId, inodeLimit } };
}

/** How many inodes a volume of that size may have; 0 is no limit. */
export function inodeLimitFor(settings: DirectorySettings, sizeBytes: number): number {
  if (settings.inodesPerGiB === 0) return 0; // the kernel's word for no limit
  return Math.max(INODES_MIN, Math.ceil((sizeBytes / GIB) * settings.inodesPerGiB));
}

/** Also the smallest volume holds a few files. */
const INODES_MIN = 1024;

async function checkAccess(settings: DirectorySettings, host: Host, access: Wish['access']): Promise<void> {
  if (access.type === 'block') {
    throw new StowageError(
      'invalid',
      `pool ${settings.name} keeps folders, which cannot be raw block devices: use a pool with backend image`,
    );
  }
  // The provisioner sends a default fs_type, so one that names what the pool is on is no contradiction.
  const asked = access.fsType ?? '';
  if (asked === '') return;
  const found = (await host.files.statfs(settings.path)).type;
  if (STATFS_TYPES[asked] === found) return;
  throw new StowageError(
    'invalid',
    `fs type ${asked} was asked for, but pool ${settings.name} keeps folders on its own file system (${found}): leave csi.storage.k8s.io/fstype out of the StorageClass, or use a pool with backend image`,
  );
}

async function checkQuotasOn(settings: DirectorySettings, host: Host): Promise<void> {
  if (await host.quotas.enforced(settings.path)) return;
  throw new StowageError(
    'precondition',
    `pool ${settings.name} shall enforce sizes, but project quotas are not on at ${settings.path}: mount its file system (XFS or ext4) with prjquota, or set quota: advisory`,
  );
}
