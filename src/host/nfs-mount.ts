import { mkdir } from 'node:fs/promises';
import { errnoOf, isStowageError, messageOf, StowageError } from '../errors.ts';
import type { Commands } from './command.ts';
import { CONTROL } from './control-characters.ts';
import { requireAbsolute } from './device-mount.ts';
import { createMountPlaces } from './files/mount-places.ts';
import { removeFolderIfThere } from './if-there.ts';
import type { MountEntry, Mounts } from './mounts.ts';
import { mountFailure } from './nfs-mount-error.ts';
import { createSlots } from './slots.ts';

/** Mounts of NFS (nfs(5)), each made and taken away by a child. */
export interface NfsMounts {
  /**
   * Mounts `source` (`server:/path`, an IPv6 address in brackets) on `target`, a folder that is there. The child is killed at the signal, and whatever becomes of it, no
   * mount is left unless this resolves: it mounts on a place of its own, which is bound on the target when it is done, else removed.
   * `options` are single options of nfs(5); it tries once (retry=0), in the foreground. At most a few mounts of one server are tried at once.
   * @throws StowageError 'unavailable' (no answer), 'not-found' (no such export), 'precondition' (not for this node; no rpc.statd), 'invalid' (options), 'timeout',
   * 'cancelled', each with the source
   */
  mount(source: string, target: string, options: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * Takes all NFS mounts at `target`, a path as mountinfo has it (see Files.resolveParent), out of the tree at once, used or not (MNT_DETACH); nothing where there is none. A mount's last user writes back what is dirty: that is waited for until the
   * signal, and goes on by itself after it. With `force` calls that are under way to the server are failed (MNT_FORCE): those of other mounts with the same device too.
   * @throws 'precondition' where another file system is mounted there
   */
  unmount(target: string, how: { readonly force: boolean }, signal: AbortSignal): Promise<void>;
  /** Takes away what killed processes left half done. For the start. */
  recover(): Promise<void>;
}

/** A dead server's mounts wait for their deadline, each in a child. */
const MOUNTS_PER_SERVER = 4;
const UNMOUNT_TIMEOUT_MS = 10_000;
const REMOVE_TRIES = 5;
const SOURCE = /^(\[[^\]/\s]+\]|[^-[\]:/\s][^[\]:/\s]*):\//;
/** One option; commas only between quotes, as in SELinux contexts (mount(8)). */
const OPTION = /^(?:[^,"\s]|"[^"\s]*")+$/;
const ALREADY_UNMOUNTED = /not mounted|not found|no mount point specified|Invalid argument|No such file or directory/;

/**
 * @param runFolder where the places of mounts under way lie; made if it is missing
 */
export function createNfsMounts(
  commands: Commands,
  mounts: Pick<Mounts, 'table' | 'bind' | 'detach'>,
  runFolder = '/run/stowage',
): NfsMounts {
  const slots = createSlots(MOUNTS_PER_SERVER);
  const places = createMountPlaces('stowage-nfs-', clear);

  async function mountOnce(
    source: string,
    target: string,
    options: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    await mkdir(runFolder, { recursive: true, mode: 0o700 });
    await places.within(runFolder, async (tree) => {
      await mountThere(commands, source, tree, options, signal);
      await mounts.bind(tree, target, []);
      await mounts.detach(tree); // the bind keeps the server's mount: nothing is waited for
    });
  }

  /** Once the folder of a mount point is removed, no child that is still at it can mount there. */
  async function clear(tree: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      await unmountAll(tree, false, AbortSignal.timeout(UNMOUNT_TIMEOUT_MS));
      try {
        return await removeFolderIfThere(tree);
      } catch (error) {
        if (errnoOf(error) !== 'EBUSY' || tries === REMOVE_TRIES) throw error; // mounted in between
      }
    }
  }

  async function unmountAll(target: string, force: boolean, signal: AbortSignal): Promise<void> {
    const mountsThere = async () => (await mounts.table()).entries.filter(({ mountPoint }) => mountPoint === target);
    for (let left = (await mountsThere()).length; left > 0; ) {
      await unmountTop(target, force, signal);
      const now = (await mountsThere()).length;
      if (now >= left) throw new StowageError('busy', `the NFS mount at ${target} is still there; call again`);
      left = now;
    }
  }

  async function unmountTop(target: string, force: boolean, signal: AbortSignal): Promise<void> {
    const before = (await mounts.table()).at(target);
    if (before === undefined) return;
    if (!isNfs(before)) {
      throw new StowageError(
        'precondition',
        `what is mounted at ${target} is ${before.source} (${before.fsType}), not NFS; it is left alone`,
      );
    }
    try {
      // Neither umount.nfs nor a look at the path: both would wait for the server.
      const args = ['--no-canonicalize', '--internal-only', '--lazy', ...(force ? ['--force'] : []), target];
      const { exitCode, stderr } = await commands.run('umount', args, { signal, exitCodes: [0, 32] });
      if (exitCode === 0 || ALREADY_UNMOUNTED.test(stderr)) return;
      throw new StowageError('internal', `umount of NFS share ${before.source} at ${target} failed: ${stderr.trim()}`);
    } catch (error) {
      if (!isStowageError(error, 'timeout', 'cancelled')) throw error;
      // Detached first, written back then: what is left of it is the kernel's.
      if ((await mounts.table()).entries.some(({ id }) => id === before.id)) throw error;
    }
  }

  return {
    async mount(source, target, options, signal) {
      const server = serverOf(source);
      requireAbsolute(target, 'target');
      requireOptions(options);
      const giveUp = () =>
        new StowageError(
          isTimeout(signal.reason) ? 'timeout' : 'cancelled',
          `NFS share ${source} was not mounted: ${MOUNTS_PER_SERVER} mounts of ${server} were still waiting for it`,
          { cause: signal.reason },
        );
      await slots.within(server, signal, giveUp, () => mountOnce(source, target, options, signal));
    },

    async unmount(target, { force }, signal) {
      requireAbsolute(target, 'target');
      await unmountAll(target, force, signal);
    },

    recover: () => places.recover(runFolder),
  };
}

/** True for a mount of NFS, of any version. */
export function isNfs({ fsType }: Pick<MountEntry, 'fsType'>): boolean {
  return fsType === 'nfs' || fsType === 'nfs4';
}

async function mountThere(
  commands: Commands,
  source: string,
  tree: string,
  options: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const args = [source, tree, '-o', [...options, 'retry=0'].join(',')];
  const exitCodes = [...Array(256).keys()];
  try {
    const { exitCode, stderr } = await commands.run('mount.nfs', args, { signal, exitCodes });
    if (exitCode !== 0) throw mountFailure(source, options, stderr, exitCode);
  } catch (error) {
    if (!isStowageError(error, 'timeout', 'cancelled')) throw error;
    const what = `NFS share ${source} was not mounted, its server has not answered: ${messageOf(error)}`;
    throw new StowageError(error.code, what, { cause: error });
  }
}

function isTimeout(reason: unknown): boolean {
  if (isStowageError(reason)) return reason.code === 'timeout';
  return typeof reason === 'object' && reason !== null && 'name' in reason && reason.name === 'TimeoutError';
}

function serverOf(source: string): string {
  const [, server] = SOURCE.exec(source) ?? [];
  if (server !== undefined && !CONTROL.test(source)) return server;
  throw new StowageError(
    'invalid',
    `${JSON.stringify(source)} is no NFS share: it must be server:/path, with an IPv6 address in brackets`,
  );
}

function requireOptions(options: readonly string[]): void {
  const unsafe = options.find((option) => !OPTION.test(option) || CONTROL.test(option));
  if (unsafe === undefined) return;
  throw new StowageError(
    'invalid',
    `the mount option ${JSON.stringify(unsafe)} is empty or contains a comma, white space or a control character: give each option on its own`,
  );
}
