import type { Host } from '../../host/host.ts';
import type { Backend, Features } from '../backend.ts';
import { growFileSystem } from '../block/mounted.ts';
import { createBoundedStatfs } from '../bounded-statfs.ts';
import { lvmLayout } from '../layout.ts';
import type { BackendLog } from '../log.ts';
import { createPlaces } from '../places.ts';
import { checkLvmPool } from './check.ts';
import { claimGroup } from './claim.ts';
import { volumeCondition } from './condition.ts';
import type { LvmPool } from './context.ts';
import { createVolume } from './create.ts';
import { createDevices } from './devices.ts';
import { expandVolume } from './expand.ts';
import { lvNames } from './names.ts';
import { closeVolume, openedVolume, openVolume } from './open.ts';
import { planVolume, sizeStepBytes, volumeType } from './plan.ts';
import { recoverVolumes } from './recover.ts';
import { archiveVolume, discardVolume, purgeVolume } from './remove.ts';
import type { LvmSettings } from './settings.ts';
import { snapshotVolumes } from './snapshot.ts';
import { strayVolumes } from './strays.ts';
import { poolCapacity, snapshotSizeBytes, volumeUsage } from './usage.ts';
import { createVolumeGroup } from './volume-group.ts';

/**
 * Volumes as logical volumes of LVM: thin ones in a thin pool, with instant snapshots and clones, or thick ones. Each is raw or has a file
 * system of its own; the pool's folder holds the records alone.
 */
export function createLvmBackend(settings: LvmSettings, deps: { host: Host; log: BackendLog }): Backend {
  const { host, log } = deps;
  const statfs = createBoundedStatfs(host.files);
  const group = createVolumeGroup(settings.volumeGroup, host.commands);
  const devices = createDevices(settings.volumeGroup, host);
  const places = createPlaces(settings.path, '', { files: host.files, log });
  const pool: LvmPool = { settings, host, log, group, devices, places };

  return {
    /** The size of the group's extents is known once the group was seen. */
    get features() {
      return lvmFeatures(pool);
    },
    claim: (poolUuid) => claimGroup(pool, poolUuid),
    plan: (wish) => planVolume(pool, wish),
    create: (item, source, signal) => createVolume(pool, item, source, signal),
    exists: async (item) => (await group.report()).own.has(lvNames(item).live),
    snapshot: (pairs, signal) => snapshotVolumes(pool, pairs, signal),
    snapshotSizeBytes: (source) => snapshotSizeBytes(pool, source),
    discard: (item) => discardVolume(pool, item),
    archive: (item, at) => archiveVolume(pool, item, at),
    purge: (item, signal) => purgeVolume(pool, item, signal),
    expand: (item, sizeBytes, signal) => expandVolume(pool, item, sizeBytes, signal),
    grow: (item, mountPoint, signal) => growFileSystem(host, item, lvmLayout(item).content, mountPoint, signal),
    usage: (item, mountPoint, signal) => volumeUsage(pool, statfs, item, mountPoint, signal),
    open: (item, signal) => openVolume(pool, item, signal),
    opened: (item) => openedVolume(pool, item),
    close: (item, signal) => closeVolume(pool, item, signal),
    condition: (item) => volumeCondition(pool, item),
    capacity: (items) => poolCapacity(pool, items),
    check: () => checkLvmPool(pool),
    strays: (items) => strayVolumes(pool, items),
    recover: (items, signal) => recoverVolumes(pool, items, signal),
  };
}

function lvmFeatures(pool: LvmPool): Features {
  const { settings, group } = pool;
  const isThin = volumeType(pool) === 'thin';
  const copies = isThin ? 'instant' : 'none';
  return {
    block: true,
    fsTypes: settings.fsType === 'xfs' ? ['xfs', 'ext4'] : ['ext4', 'xfs'],
    snapshots: copies,
    clones: copies,
    expansion: 'online',
    enforced: true,
    exactSizes: true,
    sizeStepBytes: sizeStepBytes(group.lastSeen()),
    thin: isThin,
    ownSuperblock: true,
  };
}
