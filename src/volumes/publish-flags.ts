import type { PerMountFlag } from '../host/mounts.ts';
import { splitFlags } from '../staging/flags.ts';
import type { AccessMode, PublishRequest } from './requests.ts';

/** Modes in which a volume may be published at one target only (CSI spec, NodePublishVolume). */
export const ONE_TARGET: readonly AccessMode[] = [
  'SINGLE_NODE_WRITER',
  'SINGLE_NODE_SINGLE_WRITER',
  'SINGLE_NODE_READER_ONLY',
];

/** The per-mount flags of a publish: the capability's, and read-only where the call or its access mode says so. */
export function flagsOf(request: PublishRequest): PerMountFlag[] {
  const { access, mode } = request.capability;
  const readOnly = request.readOnly || mode === 'SINGLE_NODE_READER_ONLY' || mode === 'MULTI_NODE_READER_ONLY';
  const flags = access.type === 'mount' ? splitFlags(access.mountFlags).perMount.filter((flag) => flag !== 'rw') : [];
  return readOnly && !flags.includes('ro') ? [...flags, 'ro'] : [...flags];
}
