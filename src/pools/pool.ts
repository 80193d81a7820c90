import type { Backend } from '../backends/backend.ts';
import type { PoolConfig } from '../config/schema.ts';
import { StowageError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { asAway } from './away.ts';
import { identifyPool, identityPath, type PoolIdentity } from './identity.ts';

/** A pool that is there: its identity is known, and its path is checked at each use (of a share, once a second). */
export interface Pool {
  readonly name: string;
  readonly config: PoolConfig;
  readonly backend: Backend;
  /** Its identity, once it has been seen since the start. */
  identity(): PoolIdentity | undefined;
  /**
   * Makes sure, at the cost of one lstat, that the pool is still at its path, on a share by one each second; looks again where it was away,
   * and opens it (`onOpen`) the first time that it is found.
   * @throws 'unavailable' with what is there instead
   */
  check(): Promise<PoolIdentity>;
}

/**
 * How long a look at a share holds. Each is a wait for its server, and where another machine replaces the share, a look just before a change may be as much too early as one of a moment ago: nothing
 * holds the share still between the two.
 */
const SHARE_LOOK_MS = 1_000;

interface Look {
  readonly beganAtMs: number;
  readonly isThere: Promise<boolean>;
}

interface Seen {
  readonly identity: PoolIdentity;
  readonly device: number;
  readonly inode: number;
  readonly modifiedAtMs: number;
}

/**
 * @param onOpen loads the pool's records and finishes what a dead process left; called once, before the first check succeeds
 * @param nowMs a monotonic clock
 */
export function createPool(
  config: PoolConfig,
  backend: Backend,
  options: { host: Host; stateDir: string; onOpen: (pool: Pool, identity: PoolIdentity) => Promise<void> },
  nowMs: () => number = () => performance.now(),
): Pool {
  const { host, stateDir, onOpen } = options;
  const lookMs = config.backend === 'share' ? SHARE_LOOK_MS : 0;
  let seen: Seen | undefined;
  let look: Look | undefined;
  let loadedUuid: string | undefined;
  let opening: Promise<PoolIdentity> | undefined;

  /** A look that holds, or another one. Who comes while it is under way waits for the same. */
  function isThere(last: Seen): Promise<boolean> {
    if (look !== undefined && nowMs() - look.beganAtMs < lookMs) return look.isThere;
    const next: Look = { beganAtMs: nowMs(), isThere: isWhereItWas(last) };
    look = next;
    const forget = () => {
      if (look === next) look = undefined;
    };
    next.isThere.then((found) => found || forget(), forget); // away or silent: that does not hold
    return next.isThere;
  }

  async function isWhereItWas(last: Seen): Promise<boolean> {
    const now = await host.files.stat(identityPath(config));
    // A disk swapped on the same device may well have its identity at the same inode; but not written at the same moment.
    return now?.device === last.device && now.inode === last.inode && now.modifiedAtMs === last.modifiedAtMs;
  }

  async function open(): Promise<PoolIdentity> {
    const identity = await identifyPool(host, config, stateDir);
    const beganAtMs = nowMs();
    const file = await host.files.stat(identityPath(config));
    if (file === undefined) throw new StowageError('unavailable', `pool ${config.name} went away while it was opened`);
    await backend.claim?.(identity.uuid);
    if (loadedUuid === undefined) await onOpen(pool, identity);
    else if (loadedUuid !== identity.uuid) throw changed(config, loadedUuid, identity.uuid);
    loadedUuid = identity.uuid;
    seen = { identity, device: file.device, inode: file.inode, modifiedAtMs: file.modifiedAtMs };
    look = { beganAtMs, isThere: Promise.resolve(true) };
    return identity;
  }

  const pool: Pool = {
    name: config.name,
    config,
    backend,
    identity: () => seen?.identity,
    async check() {
      try {
        if (seen !== undefined && (await isThere(seen))) return seen.identity;
        opening ??= open().finally(() => {
          opening = undefined;
        });
        return await opening;
      } catch (error) {
        throw asAway(config, error);
      }
    },
  };
  return pool;
}

function changed(config: PoolConfig, before: string, now: string): StowageError {
  return new StowageError(
    'unavailable',
    `pool ${config.name}: ${config.path} held ${before} at start and holds ${now} now; restart the driver`,
  );
}
