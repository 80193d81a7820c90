import { nearest } from '../../config/nearest.ts';
import { StowageError } from '../../errors.ts';
import type { FileStat } from '../../host/files.ts';
import { splitFlags } from '../../staging/flags.ts';
import { parseId } from '../ids.ts';
import type { Capability } from '../requests.ts';

/** What may lie at a host path, as `type` of Kubernetes' hostPath has it; '' is not checked. */
export const TYPES = [
  '',
  'DirectoryOrCreate',
  'Directory',
  'FileOrCreate',
  'File',
  'Socket',
  'CharDevice',
  'BlockDevice',
] as const;
export type HostPathType = (typeof TYPES)[number];

/** What a type wants to find. */
export const WANTED: Readonly<Record<HostPathType, FileStat['type'] | undefined>> = {
  '': undefined,
  DirectoryOrCreate: 'folder',
  Directory: 'folder',
  FileOrCreate: 'file',
  File: 'file',
  Socket: 'socket',
  CharDevice: 'character',
  BlockDevice: 'block',
};

/** A place of the host that an administrator's volume names. */
export interface HostPath {
  readonly path: string;
  readonly type: HostPathType;
  readonly root: string; // the entry of hostPaths that allows it
  readonly relative: string; // of the path, beneath the root; '' is the root itself
}

const KUBERNETES = 'csi.storage.k8s.io/'; // pod info, of the kubelet
const EPHEMERAL = 'csi.storage.k8s.io/ephemeral';
const IDENTITY = 'storage.kubernetes.io/csiProvisionerIdentity';

type VolumeContext = Readonly<Record<string, string>>;

/** True for a volume that an administrator wrote: not our id, and a host path. An inline ephemeral one is whoever's, and never such. */
export function isStatic(volumeId: string, context: VolumeContext): boolean {
  if (parseId(volumeId).origin !== 'foreign' || context[EPHEMERAL] === 'true') return false;
  return 'path' in context || 'type' in context;
}

/**
 * Reads a static volume's context.
 * @throws 'invalid' for other attributes than path and type, and for a path that is none or that the config does not allow; 'precondition' where it allows none
 */
export function readHostPath(hostPaths: readonly string[], context: VolumeContext): HostPath {
  for (const key of Object.keys(context)) {
    if (key === 'path' || key === 'type' || key.startsWith(KUBERNETES) || key === IDENTITY) continue;
    const hint = nearest(key, ['path', 'type']);
    throw invalid(
      `volume_context: ${JSON.stringify(key)} is unknown${hint === undefined ? '' : ` (did you mean ${hint}?)`}; a host path has path and type`,
    );
  }
  const { path, type = '' } = context;
  if (path === undefined) throw invalid('volume_context: path is missing; it is the absolute path on the host');
  checkNormalised(path);
  const known = TYPES.find((candidate) => candidate === type);
  if (known === undefined) {
    const hint = nearest(type, TYPES);
    throw invalid(
      `volume_context: type ${JSON.stringify(type)} is none of ${TYPES.slice(1).join(', ')}, or '' for no check${hint ? ` (did you mean ${hint}?)` : ''}`,
    );
  }
  return { path, type: known, ...allowed(hostPaths, path) };
}

function checkNormalised(path: string): void {
  const parts = path.split('/').slice(1);
  if (path.startsWith('/') && !parts.some((part) => part === '' || part === '.' || part === '..')) return;
  throw invalid(
    `volume_context: path ${JSON.stringify(path)} must be absolute, without "//", ".", ".." and a slash at its end`,
  );
}

/** The longest entry that holds the path: what is resolved of links is then the administrator's own. */
function allowed(hostPaths: readonly string[], path: string): Pick<HostPath, 'root' | 'relative'> {
  if (hostPaths.length === 0) {
    throw new StowageError(
      'precondition',
      `host path ${path}: this node's config allows no host paths; name a folder that holds it in hostPaths`,
    );
  }
  const [root] = hostPaths
    .filter((candidate) => path === candidate || path.startsWith(`${candidate}/`))
    .sort((a, b) => b.length - a.length);
  if (root !== undefined) return { root, relative: path.slice(root.length + 1) };
  throw invalid(`volume_context: path ${path} is beneath none of this node's hostPaths: ${hostPaths.join(', ')}`);
}

/** Checks what of a capability can be told without looking. @throws 'invalid' naming what a host path cannot do */
export function checkUse({ path, type }: HostPath, { access, mode }: Capability): void {
  if (mode === 'MULTI_NODE_SINGLE_WRITER' || mode === 'MULTI_NODE_MULTI_WRITER' || mode === 'MULTI_NODE_READER_ONLY') {
    throw invalid(`access_mode ${mode}: host path ${path} is on one node; use a SINGLE_NODE mode (ReadWriteOnce)`);
  }
  if (access.type === 'block') {
    if (type === 'BlockDevice') return;
    throw invalid(`host path ${path} has type '${type}'; raw block volumes (volumeMode: Block) need type BlockDevice`);
  }
  const { superblock } = splitFlags(access.mountFlags);
  if (superblock.length === 0) return;
  throw invalid(
    `mount_flags ${superblock.join(', ')}: host path ${path} is a part of the host's file system, so only per-mount flags (ro, noexec, nosuid, nodev, noatime, ...) are possible`,
  );
}

function invalid(message: string): StowageError {
  return new StowageError('invalid', message);
}
