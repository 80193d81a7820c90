import { nearest } from '../config/nearest.ts';
import { StowageError } from '../errors.ts';
import type { Context, ManagedPool } from './context.ts';
import type { EphemeralWish } from './requests.ts';

/**
 * The pool for an inline volume: the one that is named, or the only one of its medium. Of other pools than those with `ephemeral: true` the author
 * of a pod learns nothing.
 * @throws 'invalid' for one that is not there or of another medium, 'precondition' where there is none to choose from
 */
export function chooseEphemeralPool(context: Context, { pool: name, medium }: EphemeralWish): ManagedPool {
  const allowed = [...context.pools.values()].filter(({ config }) => config.ephemeral);
  if (allowed.length === 0) {
    throw new StowageError(
      'precondition',
      `node ${context.nodeId} has no pool for inline ephemeral volumes; set ephemeral: true for one, or use a claim`,
    );
  }
  const fitting = allowed.filter((pool) => medium === undefined || mediumOf(pool) === medium);
  const [first, ...others] = name === undefined ? fitting : fitting.filter((pool) => pool.name === name);
  if (first !== undefined && others.length === 0) return first;
  const names = fitting.map((pool) => pool.name);
  const known = `pools for inline volumes${medium === undefined ? '' : ` with medium ${medium}`} on node ${context.nodeId}: ${names.join(', ') || 'none'}`;
  if (name === undefined) {
    const what = first === undefined ? 'no pool fits' : 'volume_context: pool is missing, and there are several';
    throw new StowageError('invalid', `${what}; ${known}`);
  }
  const close = nearest(name, names);
  const hint = close === undefined ? '' : ` (did you mean ${close}?)`;
  throw new StowageError('invalid', `volume_context: pool ${name} is none that fits${hint}; ${known}`);
}

function mediumOf(pool: ManagedPool): EphemeralWish['medium'] {
  return pool.config.backend === 'memory' ? 'memory' : 'disk';
}
