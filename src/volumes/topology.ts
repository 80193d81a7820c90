import { createHash } from 'node:crypto';

/** Topology values have at most 63 characters (CSI spec, Topology). */
const MAX_VALUE = 63;

/** The node's id as topology value: itself, or its beginning and a hash where it is too long. */
export function topologyValue(nodeId: string): string {
  if (nodeId.length <= MAX_VALUE) return nodeId;
  const hash = createHash('sha256').update(nodeId).digest('hex').slice(0, 12);
  return `${nodeId.slice(0, MAX_VALUE - hash.length - 1).replace(/[^A-Za-z0-9]+$/, '')}-${hash}`;
}
