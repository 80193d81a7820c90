import { StowageError } from '../../errors.ts';
import type { Host } from '../../host/host.ts';
import type { Backend, Features } from '../backend.ts';
import { createBoundedStatfs } from '../bounded-statfs.ts';
import type { BackendLog } from '../log.ts';
import { createPlaces } from '../places.ts';
import { whyDiskAway } from './away.ts';
import { checkDiskPool } from './check.ts';
import { CLAIM_SUFFIX, removeTemporaryClaims } from './claim.ts';
import { diskCondition } from './condition.ts';
import { createAnswers, type DiskPool } from './context.ts';
import { createDisk } from './create.ts';
import { closeDisk, isClaimed, openDisk, openedDisk } from './open.ts';
import { diskCapacity, planDisk } from './plan.ts';
import { purgeDisk } from './purge.ts';
import type { DiskSettings } from './settings.ts';
import { diskUsage } from './usage.ts';

/** How long it is believed that a disk is blank and free; it is looked at again before it is taken. */
const VERDICT_TTL_MS = 5_000;
const READ_TTL_MS = 60_000;

/**
 * Volumes as whole disks: raw ones, by stable names, as block volumes or with a file system that we make; and file systems that were
 * mounted beforehand beneath a discovery folder. The pool's own folder keeps who has which.
 */
export function createDiskBackend(settings: DiskSettings, deps: { host: Host; log: BackendLog }): Backend {
  const { host, log } = deps;
  const places = createPlaces(settings.path, CLAIM_SUFFIX, { files: host.files, log });
  const pool: DiskPool = {
    settings,
    host,
    log,
    places,
    statfs: createBoundedStatfs(host.files),
    verdicts: createAnswers(VERDICT_TTL_MS),
    reads: createAnswers(READ_TTL_MS),
    markers: new Map(),
    reported: new Map(),
  };

  return {
    features: diskFeatures(settings),
    plan: (wish, items) => planDisk(pool, wish, items()),
    create: (item, source, signal) => createDisk(pool, item, source, signal),
    exists: (item) => isClaimed(pool, item),
    snapshot: async () => Promise.reject(noCopies(settings)),
    snapshotSizeBytes: async () => Promise.reject(noCopies(settings)),
    discard: async (item) => {
      await closeDisk(pool, item);
      await places.discard(item);
    },
    archive: async (item, at) => {
      await closeDisk(pool, item);
      await places.archive(item, at);
    },
    purge: (item, signal) => purgeDisk(pool, item, signal),
    expand: async (item, sizeBytes) => {
      if (sizeBytes <= item.sizeBytes) return;
      throw new StowageError(
        'unsupported',
        `volume ${item.id} is a whole disk of ${item.sizeBytes} bytes and cannot grow to ${sizeBytes}: move its data to a larger one`,
      );
    },
    // It is as large as its disk from the beginning.
    grow: async () => undefined,
    usage: (item, mountPoint, signal) => diskUsage(pool, item, mountPoint, signal),
    open: (item, signal) => openDisk(pool, item, signal),
    opened: (item) => openedDisk(pool, item),
    close: (item) => closeDisk(pool, item),
    condition: (item) => diskCondition(pool, item),
    check: (items) => checkDiskPool(pool, items),
    away: (item) => whyDiskAway(pool, item),
    capacity: (items) => diskCapacity(pool, items),
    recover: async (_items, signal) => {
      await removeTemporaryClaims(pool);
      await places.emptyTemporary(signal);
    },
  };
}

function diskFeatures({ devices, discovery, fsType }: DiskSettings): Features {
  const hasDevices = devices.length > 0 || discovery === undefined;
  return {
    block: true,
    // What is mounted beneath the discovery folder has the file systems that it has.
    fsTypes: !hasDevices ? [] : fsType === 'xfs' ? ['xfs', 'ext4'] : ['ext4', 'xfs'],
    snapshots: 'none',
    clones: 'none',
    expansion: 'none',
    enforced: true,
    exactSizes: false,
    thin: false,
    // A file system mounted beforehand has the options that it was mounted with.
    ownSuperblock: discovery === undefined,
  };
}

function noCopies({ name }: DiskSettings): StowageError {
  return new StowageError('unsupported', `pool ${name} keeps whole disks, of which there are no snapshots`);
}
