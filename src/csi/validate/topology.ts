import type { Topology } from '../../volumes/requests.ts';
import type { Topology__Output as ReceivedTopology } from '../generated/csi/v1/Topology.ts';
import type { TopologyRequirement__Output as Requirement } from '../generated/csi/v1/TopologyRequirement.ts';
import { invalid, stringMap } from './fields.ts';

/** csi.proto, Topology: 63 characters, alphanumeric at both ends. */
const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;

/** The topologies of which the volume must be accessible from one; empty: from anywhere. */
export function requisiteOf(field: string, requirement: Requirement | null): readonly Topology[] {
  if (requirement === null) return [];
  for (const [index, preferred] of requirement.preferred.entries()) topology(`${field}.preferred[${index}]`, preferred);
  return requirement.requisite.map((requisite, index) => topology(`${field}.requisite[${index}]`, requisite));
}

/** One topology; undefined where it is left out or has no segments. */
export function optionalTopology(field: string, value: ReceivedTopology | null): Topology | undefined {
  const segments = value === null ? {} : topology(field, value);
  return Object.keys(segments).length === 0 ? undefined : segments;
}

function topology(field: string, { segments }: ReceivedTopology): Topology {
  stringMap(`${field}.segments`, segments);
  const seen = new Set<string>();
  for (const [key, value] of Object.entries(segments)) {
    const lower = key.toLowerCase();
    if (!isKey(key)) throw invalid(`${field}.segments`, `has a key that is not of the form prefix/name: "${key}"`);
    if (seen.has(lower)) throw invalid(`${field}.segments`, `has the key "${key}" twice, in upper and lower case`);
    if (!NAME.test(value)) throw invalid(`${field}.segments`, `has a malformed value for "${key}"`);
    seen.add(lower);
  }
  return segments;
}

function isKey(key: string): boolean {
  const [name, prefix, ...rest] = key.split('/').reverse();
  return rest.length === 0 && NAME.test(name ?? '') && (prefix === undefined || PREFIX.test(prefix));
}
