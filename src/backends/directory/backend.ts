import { StowageError } from '../../errors.ts';
import type { Host } from '../../host/host.ts';
import type { Backend, Item } from '../backend.ts';
import { createJournal } from '../journal.ts';
import { directoryLayout } from '../layout.ts';
import type { BackendLog } from '../log.ts';
import { createPlaces } from '../places.ts';
import { roundUp } from '../sizes.ts';
import { oneAfterAnother } from '../snapshots.ts';
import { checkDirectoryPool } from './check.ts';
import { directoryCondition } from './condition.ts';
import type { DirectoryPool } from './context.ts';
import { createFolder, isFolder } from './create.ts';
import { createQuotaGuard } from './guard.ts';
import { measureTree } from './measure.ts';
import { inodeLimitFor, planDirectory } from './plan.ts';
import type { DirectorySettings } from './settings.ts';
import { directoryCapacity, directoryUsage, projectOf } from './usage.ts';

/** How long du(1) may take to size a snapshot. */
const MEASURE_TIMEOUT_MS = 60_000;

/**
 * Volumes as folders of the pool's file system, held to their size by project quotas (XFS, ext4), or not at all where the
 * config says `quota: advisory`. Snapshots and clones are copies, which share blocks where the file system can reflink.
 */
export function createDirectoryBackend(settings: DirectorySettings, deps: { host: Host; log: BackendLog }): Backend {
  const { host } = deps;
  const isJournaled = createJournal(host, settings.path);
  const places = createPlaces(settings.path, '', { files: host.files, log: deps.log, isJournaled });
  const pool: DirectoryPool = { settings, host, places, isJournaled };
  const exists = (item: Item) => isFolder(host, places, item);
  const create = (item: Item, source: Item | undefined, signal: AbortSignal) =>
    createFolder(pool, item, source, signal);

  return {
    features: {
      block: false,
      fsTypes: [],
      snapshots: 'copy',
      clones: 'copy',
      expansion: 'online',
      enforced: settings.quota === 'enforced',
      exactSizes: true,
      thin: true,
      ownSuperblock: false,
    },
    plan: (wish) => planDirectory(settings, host, wish),
    isJournaled,
    create,
    exists,
    snapshot: (pairs, signal) =>
      oneAfterAnother(pairs, ({ source, snapshot }) => create(snapshot, source, signal), places.undo),
    snapshotSizeBytes: async (source) => {
      const projectId = projectOf(source);
      if (projectId !== undefined) return (await host.quotas.usage(settings.path, projectId)).usedBytes;
      const signal = AbortSignal.timeout(MEASURE_TIMEOUT_MS);
      return (await places.at(source, (path) => measureTree(host, path, signal))).bytes;
    },
    discard: places.discard,
    archive: places.archive,
    purge: async (item, signal) => {
      await places.purge(item, signal);
      const projectId = projectOf(item);
      if (projectId === undefined) return;
      await host.quotas.setLimits(settings.path, projectId, { limitBytes: 0, limitInodes: 0 });
    },
    expand: async (item, sizeBytes) => {
      const projectId = projectOf(item);
      if (projectId === undefined) return;
      const now = await host.quotas.usage(settings.path, projectId);
      const limitBytes = Math.max(now.limitBytes, roundUp(sizeBytes));
      const inodeLimit = Math.max(directoryLayout(item).inodeLimit, inodeLimitFor(settings, limitBytes));
      const limitInodes = Math.max(now.limitInodes, inodeLimit);
      if (limitBytes === now.limitBytes && limitInodes === now.limitInodes) return;
      await host.quotas.setLimits(settings.path, projectId, { limitBytes, limitInodes });
    },
    // The folder's limit is its size: there is no file system of its own to grow.
    grow: async () => undefined,
    usage: (item, _mountPoint, signal) => directoryUsage(settings, host, places, item, signal),
    open: async (item) => {
      if (await exists(item)) return { type: 'folder', path: places.path(item) };
      throw new StowageError('data-loss', `volume ${item.id}: its folder ${places.path(item)} is missing`);
    },
    opened: async (item) => ((await exists(item)) ? { type: 'folder', path: places.path(item) } : undefined),
    close: async () => undefined,
    condition: (item) => directoryCondition(host, places, item),
    check: () => checkDirectoryPool(pool),
    guard: createQuotaGuard(pool, deps.log),
    capacity: (items) => directoryCapacity(settings, host, items),
    recover: (_items, signal) => places.emptyTemporary(signal),
  };
}
