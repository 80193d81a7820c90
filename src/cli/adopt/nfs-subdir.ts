import { posix } from 'node:path';
import { isWithin } from '../../backends/share/place.ts';
import { StowageError } from '../../errors.ts';
import { mountSource, parseShareSource, type ShareSource } from '../../nfs/source.ts';
import type { OnDelete } from '../../volumes/requests.ts';
import type { OldPlace } from './csi-driver-nfs.ts';
import type { ClassParameters, PersistentVolume } from './kubernetes.ts';
import { onDeleteOf } from './on-delete.ts';

const MOUNT_OPTIONS = 'volume.beta.kubernetes.io/mount-options'; // before spec.mountOptions

/**
 * Where nfs-subdir-external-provisioner keeps a volume: the PersistentVolume has the folder's whole path. Without a pathPattern its last part ends in the volume's
 * name, and lies in the share.
 * @param shares those that the command names
 * @param storageClass its parameters, where the input has it: it says what happens on deletion
 * @throws 'invalid' where nobody says what of the path is the share
 */
export function placeOfNfsSubdir(
  { metadata, spec: { nfs } }: PersistentVolume,
  shares: readonly ShareSource[],
  storageClass: ClassParameters | undefined,
): OldPlace {
  const { server, share: path } = parseShareSource(nfs?.server ?? '', nfs?.path ?? '');
  const named = shares.find((one) => one.server === server && path !== one.share && isBeneath(path, one.share));
  const isPlain = posix.basename(path).endsWith(`-${metadata.name}`);
  if (named === undefined && !isPlain) {
    throw new StowageError(
      'invalid',
      `its folder is ${mountSource({ server, share: path })}, of which nothing says what is the share: give --share ${server}:PATH, the provisioner's NFS_PATH`,
    );
  }
  const share = named?.share ?? posix.dirname(path);
  return {
    server,
    share,
    subDir: posix.relative(share, path),
    onDelete: onDelete(storageClass ?? {}),
    options: (metadata.annotations?.[MOUNT_OPTIONS] ?? '').split(',').filter((option) => option !== ''),
  };
}

function isBeneath(path: string, share: string): boolean {
  return share === '/' || isWithin(path, share);
}

/** Its parameters, in their order; without them it archives. */
function onDelete({ onDelete: text = '', archiveOnDelete }: ClassParameters): OnDelete {
  const named = onDeleteOf(text);
  if (named === 'delete' || named === 'retain') return named;
  return /^(?:0|f|false)$/i.test(archiveOnDelete ?? '') ? 'delete' : 'archive';
}
