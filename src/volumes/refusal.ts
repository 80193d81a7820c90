import { isStowageError, StowageError } from '../errors.ts';
import type { Context } from './context.ts';
import type { CreateVolumeRequest, Topology } from './requests.ts';

/** What CreateVolume refuses on one node becomes an event of the claim, beside those of other nodes: these say which node it was, and what to do. */

const MAX_SHOWN_TOPOLOGIES = 5;
/** The scheduler looks at the room for each claim of a pod by itself. */
const NO_OTHER_NODE =
  'The scheduler tries other nodes, unless another claim ties the pod to this one: then make room here, or delete the pod with its new claims and create them again';

/** For a volume that must be elsewhere. */
export function notHere(
  { nodeId, topologyKey, topologyValue }: Context,
  { name, requisite }: Pick<CreateVolumeRequest, 'name' | 'requisite'>,
): StowageError {
  const asked = requisite.slice(0, MAX_SHOWN_TOPOLOGIES).map(shown).join(' or ');
  return new StowageError(
    'exhausted',
    `volume ${name}: node ${nodeId} (${topologyKey}=${topologyValue}) is in none of the topologies asked for: ${asked}`,
  );
}

/** The same error, of a pool without room or that is away, for a person who sees several nodes. */
export function ofThisNode(context: Context, error: unknown): unknown {
  if (context.shares !== undefined || !isStowageError(error, 'exhausted')) return error;
  return new StowageError('exhausted', `node ${context.nodeId}: ${error.message}. ${NO_OTHER_NODE}`, { cause: error });
}

function shown(segments: Topology): string {
  return Object.entries(segments)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
