import type { VolumeUsage } from '../../backends/backend.ts';
import { isStowageError, messageOf, StowageError } from '../../errors.ts';
import type { MountEntry, MountTable } from '../../host/mounts.ts';
import { isNfs } from '../../host/nfs-mount.ts';
import { createSlots } from '../../host/slots.ts';
import { stagedAt } from '../../staging/stage.ts';
import type { Context } from '../context.ts';
import type { NodeExpandRequest, StatsRequest } from '../requests.ts';
import type { Stats } from '../service.ts';

/** A server that has not answered by then is reported as not answering. */
const ANSWER_TIMEOUT_MS = 5_000;
/** Its answer, and that to one before. */
const TURN_TIMEOUT_MS = 12_000;
/** One that was silent is not asked again for so long: each question holds a child. */
const SILENCE_MS = 10_000;

/** Children that may wait for one server's file system at once: a node may have a hundred volumes of it. */
const ASKING_MAX = 4;

/** NodeGetVolumeStats, asking the server by children, of which at most one waits for each mount, and a few for all mounts of a file system. */
export type AskStats = (context: Context, request: StatsRequest) => Promise<Stats>;

export interface NfsStats {
  readonly ask: AskStats;
  /** The mounts of this table whose server did not answer when it was last asked. */
  silent(table: MountTable): MountEntry[];
}

export function createNfsStats(): NfsStats {
  const silentMounts = new Set<string>(); // by mount point
  const asking = new Map<string, Promise<Stats>>(); // by mount point
  const silentUntilMs = new Map<string, number>(); // by file system
  const slots = createSlots(ASKING_MAX); // by the same

  function notAnswering(mount: MountEntry, why: string): Stats {
    silentMounts.add(mount.mountPoint);
    return {
      usage: undefined,
      condition: { abnormal: true, message: `the NFS server of ${mount.source} does not answer: ${why}` },
    };
  }

  async function ask(context: Context, mount: MountEntry): Promise<Stats> {
    const signal = AbortSignal.timeout(TURN_TIMEOUT_MS);
    const giveUp = () => new StowageError('timeout', `${ASKING_MAX} others wait for it`);
    try {
      return await slots.within(fileSystemOf(mount), signal, giveUp, () => askNow(context, mount));
    } catch (error) {
      if (isStowageError(error, 'timeout')) return notAnswering(mount, messageOf(error));
      throw error;
    }
  }

  async function askNow(context: Context, mount: MountEntry): Promise<Stats> {
    const fileSystem = fileSystemOf(mount);
    const silentMs = (silentUntilMs.get(fileSystem) ?? 0) - Date.now();
    if (silentMs > 0) return notAnswering(mount, 'it did not a moment ago');
    try {
      const usage = await statfs(context, mount.mountPoint);
      silentMounts.delete(mount.mountPoint);
      silentUntilMs.delete(fileSystem);
      return { usage, condition: { abnormal: false, message: 'in order' } };
    } catch (error) {
      if (isStowageError(error, 'timeout')) silentUntilMs.set(fileSystem, Date.now() + SILENCE_MS);
      return notAnswering(mount, messageOf(error));
    }
  }

  function silent(table: MountTable): MountEntry[] {
    for (const path of silentMounts) if (table.at(path) === undefined) silentMounts.delete(path);
    return [...silentMounts].flatMap((path) => table.at(path) ?? []);
  }

  return {
    silent,
    async ask(context, request) {
      if (silentMounts.size > 0) silent(await context.host.mounts.table()); // forgets those that were unmounted
      const mount = await mountAt(context, request);
      const known = asking.get(mount.mountPoint);
      if (known !== undefined) return known;
      const answer = ask(context, mount).finally(() => asking.delete(mount.mountPoint));
      asking.set(mount.mountPoint, answer);
      return answer;
    },
  };
}

/** A file system of a server: its number alone may be that of another one a moment later. */
function fileSystemOf({ device, source }: MountEntry): string {
  return `${device} ${source.slice(0, source.indexOf(':/'))}`;
}

/** NodeExpandVolume: nothing here holds a volume to its size, so that it has the new one at once. */
export async function expandNfs(context: Context, request: NodeExpandRequest): Promise<number> {
  await mountAt(context, request);
  return request.size.requiredBytes;
}

/** The volume's mount; the path itself is not touched. @throws 'not-found' where no NFS is mounted there */
async function mountAt(
  { host }: Context,
  { volumeId, volumePath }: Pick<StatsRequest, 'volumeId' | 'volumePath'>,
): Promise<MountEntry> {
  const path = await host.files.resolveParent(volumePath);
  const table = await host.mounts.table();
  const mount = table.at(path) ?? table.at(stagedAt(path));
  if (mount !== undefined && isNfs(mount)) return mount;
  throw new StowageError(
    'not-found',
    `volume ${volumeId} is not mounted at ${volumePath}; stage or publish it there first`,
  );
}

/** What a server says of the file system that a volume lies on: its own limit where it has one, as a quota. */
async function statfs({ host }: Context, path: string): Promise<VolumeUsage> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const { stdout } = await host.commands.run('stat', ['--file-system', '--format=%S %b %f %a %c %d', '--', path], {
    signal,
  });
  const numbers = stdout.trim().split(' ').map(Number);
  const [blockBytes = 0, blocks = 0, free = 0, available = 0, inodes = 0, freeInodes = 0] = numbers;
  return {
    bytes: { total: blocks * blockBytes, used: (blocks - free) * blockBytes, available: available * blockBytes },
    inodes: { total: inodes, used: inodes - freeInodes, available: freeInodes },
  };
}
