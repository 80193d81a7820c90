import type { Host } from '../../host/host.ts';
import type { Backend, Features } from '../backend.ts';
import { growFileSystem } from '../block/mounted.ts';
import { createBoundedStatfs } from '../bounded-statfs.ts';
import { createJournal } from '../journal.ts';
import { imageLayout } from '../layout.ts';
import type { BackendLog } from '../log.ts';
import { createPlaces } from '../places.ts';
import { probeOnce } from '../probe-once.ts';
import { checkImagePool } from './check.ts';
import { imageCondition } from './condition.ts';
import type { ImagePool } from './context.ts';
import { createImage, isImage } from './create.ts';
import { expandImage } from './grow.ts';
import { closeImage, openedImage, openImage } from './open.ts';
import { planImage } from './plan.ts';
import { createReadStart } from './read-start.ts';
import { recoverImages } from './recover.ts';
import type { ImageSettings } from './settings.ts';
import { snapshotImages } from './snapshot.ts';
import { allocatedBytes, imageCapacity, imageUsage } from './usage.ts';

/**
 * Volumes as files of the pool's file system, each on a loop device with a file system of its own or as raw block: sizes
 * hold on any file system. Snapshots and clones are instant where it can reflink (XFS, btrfs), else copies.
 */
export function createImageBackend(settings: ImageSettings, deps: { host: Host; log: BackendLog }): Backend {
  const { host, log } = deps;
  const isJournaled = createJournal(host, settings.path);
  const places = createPlaces(settings.path, '.img', { files: host.files, log, isJournaled });
  const statfs = createBoundedStatfs(host.files);
  const reflink = probeOnce(() => host.files.canClone(`${settings.path}/.stowage/tmp`));
  const readStart = createReadStart(host.files, places);
  const pool: ImagePool = { settings, host, log, places, canClone: reflink.probe, readStart };

  return {
    /** Copies are declared as `copy` until recover has found out that the pool can clone. */
    get features() {
      return imageFeatures(settings, reflink.known());
    },
    plan: (wish) => planImage(pool, wish),
    isJournaled,
    create: (item, source, signal) => createImage(pool, item, source, signal),
    exists: (item) => isImage(pool, item),
    snapshot: (pairs, signal) => snapshotImages(pool, pairs, signal),
    snapshotSizeBytes: (source) => allocatedBytes(pool, source),
    discard: async (item) => {
      await closeImage(pool, item);
      await places.discard(item);
    },
    archive: async (item, at) => {
      await closeImage(pool, item);
      await places.archive(item, at);
    },
    purge: places.purge,
    expand: (item, sizeBytes, signal) => expandImage(pool, item, sizeBytes, signal),
    grow: (item, mountPoint, signal) => growFileSystem(host, item, imageLayout(item).content, mountPoint, signal),
    usage: (item, mountPoint, signal) => imageUsage(pool, statfs, item, mountPoint, signal),
    open: (item) => openImage(pool, item),
    opened: (item) => openedImage(pool, item),
    close: (item) => closeImage(pool, item),
    condition: (item) => imageCondition(pool, item),
    check: () => checkImagePool(pool),
    capacity: (items) => imageCapacity(pool, items),
    recover: (items, signal) => recoverImages(pool, items, signal),
  };
}

function imageFeatures(settings: ImageSettings, canClone: boolean): Features {
  const copies = canClone ? 'instant' : 'copy';
  return {
    block: true,
    fsTypes: settings.fsType === 'xfs' ? ['xfs', 'ext4'] : ['ext4', 'xfs'],
    snapshots: copies,
    clones: copies,
    expansion: 'online',
    enforced: true,
    exactSizes: true,
    thin: !settings.preallocate,
    ownSuperblock: true,
  };
}
