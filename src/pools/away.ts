import type { PoolConfig } from '../config/schema.ts';
import { errnoOf, messageOf, StowageError } from '../errors.ts';

/** What a server's refusals mean: who reads them cannot look there. */
const OF_SHARES: Readonly<Record<string, string>> = {
  EROFS: 'its server exports it read-only',
  EACCES: 'its server lets root write nothing there; export it with no_root_squash, or let everybody write to it',
  EPERM: 'its server lets root write nothing there; export it with no_root_squash, or let everybody write to it',
  ENOSPC: 'it has no space left',
  EDQUOT: 'it has no space left in its quota',
};

/**
 * What a share's server refused, in words.
 * @returns undefined for what says nothing of the share as a whole
 */
export function refusedByServer(config: PoolConfig, cause: unknown): StowageError | undefined {
  const errno = errnoOf(cause) ?? '';
  const why = OF_SHARES[errno];
  if (config.backend !== 'share' || why === undefined) return undefined;
  const message = `share ${config.server}:${config.share} cannot be used: ${why} (${messageOf(cause)})`;
  return new StowageError(isFull(cause) ? 'exhausted' : 'unavailable', message, { cause });
}

/** True for what a full file system, or a full quota, answers. */
export function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '');
}

/** A disk that fails, is read-only or full shows as system errors where its pool is opened: it is away, and the others go on. */
export function asAway(config: PoolConfig, cause: unknown): unknown {
  if (errnoOf(cause) === undefined) return cause;
  return (
    refusedByServer(config, cause) ??
    new StowageError('unavailable', `pool ${config.name} cannot be used: ${messageOf(cause)}`, { cause })
  );
}
