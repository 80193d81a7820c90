import { StowageError } from '../../errors.ts';
import type { Host } from '../../host/host.ts';
import type { CopyMetrics } from '../../telemetry/metrics.ts';
import type { Backend, Item, Opened, Wish } from '../backend.ts';
import { shareLayout } from '../layout.ts';
import type { BackendLog } from '../log.ts';
import { chooseSize, SIZE_STEP_BYTES } from '../sizes.ts';
import { oneAfterAnother } from '../snapshots.ts';
import { createAdoption } from './adoption.ts';
import { createClaims } from './claims.ts';
import { createCopier } from './copy.ts';
import { createFolder } from './create.ts';
import { checkApart } from './place.ts';
import { createSharePlaces } from './places.ts';
import type { ShareSettings } from './settings.ts';

/**
 * Volumes as folders of a share that somebody else serves (NFS): where and with what owner and mode the StorageClass says. Nobody here can hold
 * them to a size. Snapshots and clones are copies, by the server itself where it can (NFS 4.2 CLONE and COPY).
 */
export function createShareBackend(
  settings: ShareSettings,
  deps: { host: Host; log: BackendLog; metrics: CopyMetrics },
): Backend {
  const { host } = deps;
  const claims = createClaims(settings.path, host.files);
  const places = createSharePlaces(settings.path, host.files, claims, deps.log);
  const copier = createCopier({ pool: settings.name, files: host.files, log: deps.log, metrics: deps.metrics });
  const create = (item: Item, source: Item | undefined, signal: AbortSignal) =>
    createFolder({ files: host.files, places, claims, copier }, item, source, signal);
  const folderOf = (item: Item): Opened => ({ type: 'folder', path: places.path(item) });

  return {
    features: {
      block: false,
      fsTypes: [],
      snapshots: 'copy',
      clones: 'copy',
      expansion: 'online',
      enforced: false,
      exactSizes: true,
      thin: true,
      ownSuperblock: false,
      manyNodes: true,
      resumesCopies: true,
    },
    plan: async (wish, items) => {
      const plan = planFolder(wish, items());
      await places.checkWay(plan.layout.subDir); // before there is a record that would have to be undone
      return plan;
    },
    adoption: createAdoption(settings.path, host.files, claims),
    create,
    exists: places.exists,
    // The trash of its record, or the next start, removes what is discarded.
    snapshot: (pairs, signal) =>
      oneAfterAnother(pairs, ({ source, snapshot }) => create(snapshot, source, signal), places.discard),
    snapshotSizeBytes: async () => 0, // nothing is held back on a share
    discard: (item) => (isKept(item) ? Promise.resolve() : places.discard(item)),
    archive: (item, at) => (isKept(item) ? Promise.resolve() : places.archive(item, at)),
    purge: places.purge,
    expand: async () => undefined,
    grow: async () => undefined,
    usage: async () => {
      const { totalBytes, freeBytes, availableBytes, totalInodes, freeInodes } = await host.files.statfs(settings.path);
      return {
        bytes: { total: totalBytes, used: totalBytes - freeBytes, available: availableBytes },
        inodes: { total: totalInodes, used: totalInodes - freeInodes, available: freeInodes },
      };
    },
    open: async (item) => {
      if (await places.exists(item)) return folderOf(item);
      throw new StowageError(
        'data-loss',
        `volume ${item.id}: its folder ${places.relative(item)} is missing on the share`,
      );
    },
    opened: async (item) => ((await places.exists(item)) ? folderOf(item) : undefined),
    mountedFrom: folderOf,
    close: async () => undefined,
    condition: async (item) =>
      (await places.exists(item)) ? undefined : `its folder ${places.relative(item)} is missing on the share`,
    capacity: async () => {
      const { totalBytes, availableBytes } = await host.files.statfs(settings.path);
      return { totalBytes, freeBytes: availableBytes, usedByVolumesBytes: undefined };
    },
    recover: (items, signal) => places.emptyTemporary(items, signal),
  };
}

/** A folder that several volumes may have is never removed. */
function isKept(item: Item): boolean {
  return item.kind === 'volume' && shareLayout(item).shared;
}

function planFolder(wish: Wish, items: readonly Item[]) {
  if (wish.access.type === 'block') {
    throw new StowageError('invalid', 'a share keeps folders, which cannot be raw block devices');
  }
  const place = wish.share;
  if (place === undefined) throw new StowageError('internal', 'a volume on a share was asked for without its place');
  checkApart(place, items);
  const sourceBytes = wish.source?.sizeBytes ?? 0;
  return {
    sizeBytes: chooseSize(wish, { leastBytes: SIZE_STEP_BYTES, sourceBytes }),
    layout: { backend: 'share', ...place },
  } as const;
}
