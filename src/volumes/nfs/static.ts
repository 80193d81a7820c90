import { isStowageError, messageOf, StowageError } from '../../errors.ts';
import { parseId } from '../ids.ts';
import { isNodeOfShares } from '../node-address.ts';
import type { AttachRequest, ValidateRequest } from '../requests.ts';
import type { Validation } from '../service.ts';
import { checkAccess, namesShare, readPlace } from './place.ts';

/** True for a volume that an administrator wrote, as for csi-driver-nfs: an id that is not ours, and a share. */
export function isStaticNfs({ volumeId, volumeContext }: Pick<AttachRequest, 'volumeId' | 'volumeContext'>): boolean {
  return parseId(volumeId).origin === 'foreign' && namesShare(volumeContext);
}

/** ControllerPublishVolume of such a volume. Nothing is recorded: whoever wrote it says who may have it. */
export function attachStaticNfs({
  volumeId,
  volumeContext,
  nodeId,
  capability,
}: AttachRequest): Readonly<Record<string, string>> {
  readPlace(volumeContext);
  checkAccess(volumeId, capability);
  if (isNodeOfShares(nodeId)) return {};
  throw new StowageError('not-found', `node ${nodeId} is none of this driver's: its id is no name with an address`);
}

/** ValidateVolumeCapabilities of such a volume. */
export function validateStaticNfs({ volumeId, volumeContext, capabilities }: ValidateRequest): Validation {
  try {
    readPlace(volumeContext);
    for (const capability of capabilities) checkAccess(volumeId, capability);
    return { confirmed: true };
  } catch (error) {
    if (isStowageError(error, 'invalid')) return { confirmed: false, reason: messageOf(error) };
    throw error;
  }
}
