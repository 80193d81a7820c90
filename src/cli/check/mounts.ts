import { join } from 'node:path';
import type { Config, PoolConfig } from '../../config/schema.ts';
import type { Files } from '../../host/files.ts';
import { type Finding, NOTE } from './finding.ts';
import { type MountLine, mountOf } from './mountinfo.ts';

/** Where kubelets keep pods and plugins: the usual place, k0s's and microk8s's. */
const KUBELET_FOLDERS = ['/var/lib/kubelet', '/var/lib/k0s/kubelet', '/var/snap/microk8s/common/var/lib/kubelet'];
/** File systems that end with their container, or with the machine's uptime. */
const FLEETING = new Set(['overlay', 'tmpfs', 'ramfs']);

/** The kubelet's folders that are here: on a node, or mounted into this container. */
export async function kubeletFolders(files: Files): Promise<string[]> {
  const found = await Promise.all(KUBELET_FOLDERS.map((folder) => files.stat(join(folder, 'pods'))));
  return KUBELET_FOLDERS.filter((_, index) => found[index]?.type === 'folder');
}

/** Mounts that the driver makes beneath these must be seen by the kubelet and by pods. */
export function checkKubelet(folder: string, mounts: readonly MountLine[]): Finding {
  const places = [join(folder, 'pods'), join(folder, 'plugins')];
  const hidden = places.filter((place) => mountOf(mounts, place)?.propagation !== 'shared');
  const remarks = hidden.map(
    (place) =>
      `mounts made beneath ${place} are not seen by pods: mount it into the container with mountPropagation Bidirectional (bind propagation rshared); on a node say \`mount --make-rshared /\``,
  );
  return { what: 'kubelet', found: folder, remarks };
}

/** The state folder must outlive the process; and what is mounted beneath it must be seen outside, where it serves volumes. */
export function checkStateFolder(
  { stateDir, pools, ...config }: Config,
  mounts: readonly MountLine[],
  isThere: boolean,
): Finding {
  const mount = mountOf(mounts, stateDir);
  const remarks: string[] = [];
  if (!isThere) remarks.push(`${NOTE} it is made at the first start`);
  if (mount !== undefined && FLEETING.has(mount.fsType))
    remarks.push(
      `it lies on ${mount.fsType}, and is lost with the container or at a restart of the node: put it on the node's root disk (in a container a hostPath)`,
    );
  if (mount?.isReadOnly === true) remarks.push('it is mounted read-only: it must be writable');
  const isExported = config.driver === 'nfs' && config.managed !== undefined && config.role !== 'node';
  const servesMounts = isExported || pools.some(({ backend }) => backend === 'memory');
  if (servesMounts && isContainer(mounts) && mount?.propagation !== 'shared')
    remarks.push(
      'what is mounted beneath it is not seen outside this container: mount it with mountPropagation Bidirectional',
    );
  return { what: 'state folder', found: stateDir, remarks };
}

/** A disk that is mounted on the node after the container's start must appear in it. */
export function checkPoolMounts(pools: readonly PoolConfig[], mounts: readonly MountLine[]): Finding[] {
  if (!isContainer(mounts)) return [];
  const cut = pools.filter(
    (pool) => pool.requireMount && mountOf(mounts, join(pool.path, '..'))?.propagation === 'private',
  );
  const remarks = cut.map(
    ({ name, path }) =>
      `pool ${name}: a disk that is mounted at ${path} later is not seen here: mount the folder above it with mountPropagation HostToContainer (rslave)`,
  );
  return [{ what: 'pool folders', found: String(pools.length), remarks }];
}

function isContainer(mounts: readonly MountLine[]): boolean {
  return mountOf(mounts, '/')?.fsType === 'overlay';
}
