import { createHash } from 'node:crypto';

/** Topology values have at most 63 characters, with a letter or digit at both ends (CSI spec, Topology). */
const MAX_VALUE = 63;
const VALUE = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** The node's id as topology value: itself, or the part of it that may be one and a hash where it is too long or has other ends. */
export function topologyValue(nodeId: string): string {
  if (VALUE.test(nodeId)) return nodeId;
  const hash = createHash('sha256').update(nodeId).digest('hex').slice(0, 12);
  const part = nodeId
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, MAX_VALUE - hash.length - 1)
    .replace(/[^A-Za-z0-9]+$/, '');
  return `${part || 'node'}-${hash}`;
}
