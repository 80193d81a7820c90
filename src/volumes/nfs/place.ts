import { StowageError } from '../../errors.ts';
import { mountSource, parseShareSource } from '../../nfs/source.ts';
import { resolveSubDir } from '../../nfs/sub-dir.ts';
import type { Capability } from '../requests.ts';

type VolumeContext = Readonly<Record<string, string>>;

/** What of a server a node mounts for a volume. */
export interface NfsPlace {
  readonly server: string;
  readonly source: string; // as mountinfo names it: server:/share/subDir
  /** Of static volumes written for csi-driver-nfs: the mode that its folder shall have. */
  readonly mode: string | undefined;
}

/** True for a volume that an administrator wrote: its attributes name a share. */
export function namesShare(context: VolumeContext): boolean {
  return attribute(context, 'server') !== undefined || attribute(context, 'share') !== undefined;
}

/**
 * Reads what CreateVolume answered, or what an administrator wrote, with the names of csi-driver-nfs in any case.
 * @throws 'invalid' naming the attribute
 */
export function readPlace(context: VolumeContext): NfsPlace {
  const share = parseShareSource(attribute(context, 'server') ?? '', attribute(context, 'share') ?? '');
  const subDir = attribute(context, 'subDir') ?? '';
  const mode = attribute(context, 'mountPermissions');
  if (mode !== undefined && !/^[0-7]{1,4}$/.test(mode)) {
    throw new StowageError(
      'invalid',
      `mountPermissions is ${JSON.stringify(mode)}; it must be octal digits, such as 0770`,
    );
  }
  return {
    server: share.server,
    source: mountSource(share, subDir === '' ? undefined : resolveSubDir(subDir, context)),
    mode: mode === undefined || Number.parseInt(mode, 8) === 0 ? undefined : mode,
  };
}

/** @throws 'invalid' for raw block */
export function checkAccess(volumeId: string, { access }: Capability): void {
  if (access.type === 'mount') return;
  throw new StowageError('invalid', `volume ${volumeId} is on an NFS share, which has no raw block volumes`);
}

function attribute(context: VolumeContext, name: string): string | undefined {
  return Object.entries(context).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}
