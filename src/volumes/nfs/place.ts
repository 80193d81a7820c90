import { StowageError } from '../../errors.ts';
import { parseMountOptions, reachingOptions } from '../../nfs/options.ts';
import { mountSource, parseShareSource, type ShareSource } from '../../nfs/source.ts';
import { resolveSubDir } from '../../nfs/sub-dir.ts';
import type { Capability } from '../requests.ts';

type VolumeContext = Readonly<Record<string, string>>;

/** What of a server a node mounts for a volume. */
export interface NfsPlace {
  readonly server: string;
  readonly source: string; // as mountinfo names it: server:/share/subDir
  /** All that it may be mounted as: what we export is elsewhere for NFS 3. */
  readonly sources: readonly string[];
  /** True for what we export ourselves, to the nodes that it is attached to. */
  readonly isExported: boolean;
  /** Of static volumes written for csi-driver-nfs: the mode that its folder shall have. */
  readonly mode: string | undefined;
}

/** True for a volume that an administrator wrote: its attributes name a share. */
export function namesShare(context: VolumeContext): boolean {
  return attribute(context, 'server') !== undefined || attribute(context, 'share') !== undefined;
}

/**
 * Reads what CreateVolume answered, or what an administrator wrote, with the names of csi-driver-nfs in any case.
 * @param options the mount options: what we export lies elsewhere for NFS 3, which knows no exported root
 * @throws 'invalid' naming the attribute
 */
export function readPlace(context: VolumeContext, options: readonly string[] = []): NfsPlace {
  const given = parseShareSource(attribute(context, 'server') ?? '', attribute(context, 'share') ?? '');
  const exportRoot = attribute(context, 'exportRoot');
  const ofVersion3 = exportRoot === undefined ? given : parseShareSource(given.server, `${exportRoot}${given.share}`);
  const subDir = attribute(context, 'subDir') ?? '';
  const mode = attribute(context, 'mountPermissions');
  if (mode !== undefined && !/^0*[0-7]{1,4}$/.test(mode)) {
    throw new StowageError(
      'invalid',
      `mountPermissions is ${JSON.stringify(mode)}; it must be octal digits, such as 0770`,
    );
  }
  const sourceOf = (share: ShareSource) =>
    mountSource(share, subDir === '' ? undefined : resolveSubDir(subDir, context));
  return {
    server: given.server,
    source: sourceOf(reachingOptions(options).includes('vers=3') ? ofVersion3 : given),
    sources: [sourceOf(given), sourceOf(ofVersion3)],
    isExported: exportRoot !== undefined,
    mode: mode === undefined || Number.parseInt(mode, 8) === 0 ? undefined : mode,
  };
}

/** The place, and the mount options, that a node call names. @throws 'invalid' as `readPlace`, and for raw block */
export function readMount(request: {
  readonly volumeId: string;
  readonly volumeContext: VolumeContext;
  readonly capability: Capability;
}): { place: NfsPlace; options: string[] } {
  checkAccess(request.volumeId, request.capability);
  const { access } = request.capability;
  const written = attribute(request.volumeContext, 'mountOptions'); // of static volumes, as for csi-driver-nfs
  const all = [
    ...parseMountOptions(access.type === 'mount' ? access.mountFlags : [], 'mount_flags'),
    ...(written === undefined ? [] : parseMountOptions([written], 'volume_context.mountOptions')),
  ];
  const options = [...new Set(all)]; // mount.nfs refuses a version twice
  return { place: readPlace(request.volumeContext, options), options };
}

/** @throws 'invalid' for raw block */
export function checkAccess(volumeId: string, { access }: Capability): void {
  if (access.type === 'mount') return;
  throw new StowageError('invalid', `volume ${volumeId} is on an NFS share, which has no raw block volumes`);
}

function attribute(context: VolumeContext, name: string): string | undefined {
  return Object.entries(context).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}
