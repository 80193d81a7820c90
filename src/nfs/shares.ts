import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { endIfAborted, raceSignal } from '../backends/signals.ts';
import { messageOf, StowageError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { MountEntry } from '../host/mounts.ts';
import { isNfs } from '../host/nfs-mount.ts';
import type { Logger } from '../telemetry/log.ts';
import { controllerOptions, reachingOptions } from './options.ts';
import { byIdleSince, inTurn, isIdle, newPlace, type Place } from './share-place.ts';
import { mountSource, type ShareSource } from './source.ts';

/** A share as the controller reaches it: for each there is one mount at most. */
export interface Share extends ShareSource {
  readonly options: readonly string[]; // those that concern reaching the server count
}

/** A use of a share's mount, which stays mounted while there is one. */
export interface ShareUse {
  readonly path: string;
  /** Ends the use; again does nothing. */
  readonly release: () => void;
}

export interface Shares {
  /** Where a share's mount is or would be: the same after a restart. */
  pathOf(share: Share): string;
  /**
   * Mounts the share unless it is mounted, and keeps it so until the use is released. Callers that come while it is being mounted share that mount, each with its own signal.
   * Nothing on the share is touched.
   * @throws what NfsMounts.mount throws; 'exhausted' where as many shares are in use as may be mounted
   */
  use(share: Share, signal: AbortSignal): Promise<ShareUse>;
  /** The same for a share that is mounted already, which nothing waits for; undefined for others. */
  useMounted(share: Share): Promise<ShareUse | undefined>;
  /** Takes away a mount that is of no use any more, such as after ESTALE; who uses it has the new one at the same path after the next `use`. */
  renew(share: Share, signal: AbortSignal): Promise<void>;
  /** Finds the mounts of an earlier process: the next `use` takes them over, and they are idle until then. For the start. */
  recover(): Promise<void>;
  /** How many are mounted or being mounted. */
  count(): number;
  /** Stops counting idle time; the mounts stay for the next process. */
  close(): void;
}

export interface ShareLimits {
  readonly maxMounts: number;
  readonly idleMs: number; // a mount without a use is taken away after that
  readonly mountTimeoutMs: number;
}

export const DEFAULT_SHARE_LIMITS: ShareLimits = { maxMounts: 256, idleMs: 600_000, mountTimeoutMs: 60_000 };

const UNMOUNT_TIMEOUT_MS = 15_000;
const NAME = /^[0-9a-f]{32}$/;

/**
 * The controller's mounts of shares.
 * @param folder where they are mounted, without links on the way (as mountinfo names it); made when it is needed
 */
export function createShares(
  host: Pick<Host, 'nfs' | 'mounts' | 'files'>,
  folder: string,
  log: Logger,
  limits: ShareLimits = DEFAULT_SHARE_LIMITS,
): Shares {
  const places = new Map<string, Place>();

  const paths = new WeakMap<Share, string>();

  function pathOf(share: Share): string {
    const known = paths.get(share);
    if (known !== undefined) return known;
    const path = join(folder, nameOf(share));
    paths.set(share, path);
    return path;
  }

  function placeAt(path: string): Place {
    const known = places.get(path);
    if (known !== undefined) return known;
    const place = newPlace(path, limits.idleMs, takeAwayUnheard);
    places.set(path, place);
    return place;
  }

  function takeAwayUnheard(place: Place): void {
    takeAway(place).catch((error: unknown) =>
      log.warn({ path: place.path }, `the idle mount of an NFS share stays: ${messageOf(error)}`),
    );
  }

  /** Unmounts what nobody uses, and forgets it. */
  function takeAway(place: Place): Promise<void> {
    place.idle.stop();
    return inTurn(place, async () => {
      if (place.uses > 0) return; // someone came while this waited
      try {
        await unmount(place);
      } catch (error) {
        if (place.uses === 0) place.idle.start(); // tried again then
        throw error;
      }
      if (place.uses > 0) return;
      place.idle.stop(); // a use that came and went while this waited has started it
      places.delete(place.path);
    });
  }

  async function unmount({ path }: Place): Promise<void> {
    await host.nfs.unmount(path, { force: false }, AbortSignal.timeout(UNMOUNT_TIMEOUT_MS));
    await host.files.removeFolder(path);
  }

  /** Makes room for one more by taking away the one that is idle for longest. */
  async function makeRoom(): Promise<void> {
    while (places.size > limits.maxMounts) {
      const [oldest] = [...places.values()].filter(isIdle).sort(byIdleSince);
      if (oldest === undefined) {
        throw new StowageError(
          'exhausted',
          `${limits.maxMounts} NFS shares are in use at once, as many as may be mounted; try again later, or use fewer`,
        );
      }
      await takeAway(oldest);
    }
  }

  function begin(place: Place): ShareUse {
    place.uses++;
    let isReleased = false;
    return {
      path: place.path,
      release() {
        if (isReleased) return;
        isReleased = true;
        place.uses--;
        if (place.uses === 0) place.idle.start();
      },
    };
  }

  async function isMounted(place: Place, share: Share): Promise<boolean> {
    return isMountOf(share, (await host.mounts.table()).at(place.path));
  }

  function mounted(place: Place, share: Share): Promise<void> {
    place.mounting ??= inTurn(place, async () => {
      if (await isMounted(place, share)) return;
      await makeRoom();
      await host.files.makeFolders(place.path);
      const signal = AbortSignal.timeout(limits.mountTimeoutMs);
      await host.nfs.unmount(place.path, { force: false }, signal); // another share's, or one that is covered
      await host.nfs.mount(mountSource(share), place.path, controllerOptions(share.options), signal);
    }).finally(() => {
      place.mounting = undefined;
    });
    return place.mounting;
  }

  return {
    pathOf,
    async use(share, signal) {
      const what = `mounting NFS share ${mountSource(share)}`;
      endIfAborted(signal, what);
      const place = placeAt(pathOf(share));
      const use = begin(place);
      try {
        await raceSignal(mounted(place, share), signal, what);
        return use;
      } catch (error) {
        use.release(); // a mount under way goes on, for who calls again
        if (isIdle(place)) takeAwayUnheard(place);
        throw error;
      }
    },

    async useMounted(share) {
      const place = places.get(pathOf(share));
      if (place === undefined || place.last !== undefined) return undefined;
      const use = begin(place); // before the look: nobody takes it away then
      let isThere = false;
      try {
        isThere = await isMounted(place, share);
      } finally {
        if (!isThere) use.release();
      }
      return isThere ? use : undefined;
    },

    async renew(share, signal) {
      const place = placeAt(pathOf(share));
      if (place.uses === 0) place.idle.start();
      await inTurn(place, () => host.nfs.unmount(place.path, { force: false }, signal));
    },

    async recover() {
      await host.nfs.recover();
      const table = await host.mounts.table();
      for (const name of await host.files.list(folder)) {
        if (!NAME.test(name)) continue;
        const place = placeAt(join(folder, name));
        if (place.uses > 0) continue;
        if (table.at(place.path) === undefined) takeAwayUnheard(place);
        else place.idle.start();
      }
    },

    count: () => places.size,

    close() {
      for (const place of places.values()) place.idle.stop();
    },
  };
}

/** A name for the server, the share and the options that reach it. */
function nameOf(share: Share): string {
  const key = [share.server, share.share, ...reachingOptions(share.options)].join('\n');
  return createHash('sha256').update(key).digest('hex').slice(0, 32);
}

/** The path stands for the options; the source tells a mount by which someone else covered it. */
function isMountOf(share: ShareSource, mount: MountEntry | undefined): boolean {
  return mount !== undefined && mount.source === mountSource(share) && isNfs(mount);
}
