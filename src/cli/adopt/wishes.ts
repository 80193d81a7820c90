import { isStowageError, StowageError } from '../../errors.ts';
import { parseMountOptions } from '../../nfs/options.ts';
import type { ShareSource } from '../../nfs/source.ts';
import type { AdoptWish } from '../../volumes/adopt.ts';
import type { OnDelete } from '../../volumes/requests.ts';
import { placeOfCsiDriverNfs } from './csi-driver-nfs.ts';
import type { Objects, OldVolume, PersistentVolume } from './kubernetes.ts';
import { placeOfNfsSubdir } from './nfs-subdir.ts';
import { parseQuantity } from './quantity.ts';

/** A PersistentVolume, and what it asks of the driver. */
export interface Candidate {
  readonly volume: PersistentVolume;
  readonly wish: AdoptWish;
}

export interface Refused {
  readonly name: string;
  readonly message: string;
}

/** What the command's options say of all volumes. */
export interface Choices {
  readonly shares: readonly ShareSource[]; // where nfs-subdir-external-provisioner's paths begin
  readonly onDelete: OnDelete | undefined; // instead of what the old provisioner would do
}

/** Reads what each PersistentVolume says; one that is refused does not keep the others. */
export function readWishes(objects: Objects, choices: Choices): { candidates: Candidate[]; refused: Refused[] } {
  const candidates: Candidate[] = [];
  const refused: Refused[] = [];
  const seen = new Set<string>();
  for (const old of objects.volumes) {
    try {
      if (seen.has(old.name)) throw invalid('the input has it twice');
      seen.add(old.name);
      candidates.push(candidate(old, objects, choices));
    } catch (error) {
      if (!isStowageError(error, 'invalid', 'precondition')) throw error;
      refused.push({ name: old.name, message: error.message });
    }
  }
  return { candidates, refused };
}

function candidate(old: OldVolume, { classes }: Objects, { shares, onDelete }: Choices): Candidate {
  const volume = old.read();
  const { metadata, spec } = volume;
  const policy = spec.persistentVolumeReclaimPolicy ?? 'Retain';
  if (policy !== 'Retain') {
    throw new StowageError(
      'precondition',
      `persistentVolumeReclaimPolicy is ${policy}: set it to Retain first, or its old provisioner removes the folder when the claim is deleted`,
    );
  }
  const sizeBytes = parseQuantity(spec.capacity.storage);
  if (sizeBytes === undefined)
    throw invalid(`spec.capacity.storage ${JSON.stringify(spec.capacity.storage)} is no size`);
  const place =
    old.provisioner === 'csi-driver-nfs'
      ? placeOfCsiDriverNfs(volume)
      : placeOfNfsSubdir(volume, shares, classes.get(spec.storageClassName ?? ''));
  const { server, share, subDir } = place;
  const options = [...new Set(parseMountOptions([...(spec.mountOptions ?? []), ...place.options], 'mountOptions'))];
  return {
    volume,
    wish: { name: metadata.name, server, share, subDir, options, sizeBytes, onDelete: onDelete ?? place.onDelete },
  };
}

function invalid(message: string): StowageError {
  return new StowageError('invalid', message);
}
