import { parseSize } from '../../config/size.ts';
import type { EphemeralWish } from '../../volumes/requests.ts';
import { checkText, invalid, required } from './fields.ts';
import { ownParameters } from './parameters.ts';

/** Set by the kubelet alone where CSIDriver says podInfoOnMount; it overrides what a pod's author writes. */
const EPHEMERAL_KEY = 'csi.storage.k8s.io/ephemeral';

const MEDIUMS = ['memory', 'disk'] as const;

/**
 * What the author of a pod asks for in an inline volume's attributes: anyone may write anything there, so only what is known is taken.
 * @returns undefined where the kubelet does not say that it is one
 */
export function ephemeralWish(
  field: string,
  volumeContext: Readonly<Record<string, string>>,
): EphemeralWish | undefined {
  if (volumeContext[EPHEMERAL_KEY] !== 'true') return undefined;
  const { pool, size, medium } = ownParameters(field, volumeContext, ['pool', 'size', 'medium']);
  return {
    pool: pool === undefined ? undefined : required(`${field}.pool`, pool),
    sizeBytes: size === undefined ? undefined : sizeOf(`${field}.size`, size),
    medium: medium === undefined ? undefined : mediumOf(`${field}.medium`, medium),
  };
}

function sizeOf(field: string, size: string): number {
  const sizeBytes = parseSize(size);
  if (sizeBytes !== undefined && sizeBytes > 0) return sizeBytes;
  checkText(field, size);
  throw invalid(field, `is "${size}"; it must be a size such as 1073741824, 500Mi or 1Gi`);
}

function mediumOf(field: string, medium: string): EphemeralWish['medium'] {
  checkText(field, medium);
  const value = MEDIUMS.find((known) => known === medium);
  if (value === undefined) throw invalid(field, `is "${medium}"; it must be ${MEDIUMS.join(' or ')}`);
  return value;
}
