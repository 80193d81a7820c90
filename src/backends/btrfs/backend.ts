import { StowageError } from '../../errors.ts';
import type { Host } from '../../host/host.ts';
import type { Backend, Item } from '../backend.ts';
import type { BackendLog } from '../log.ts';
import { roundUp } from '../sizes.ts';
import { checkBtrfsPool } from './check.ts';
import { volumeCondition } from './condition.ts';
import { createBtrfsPool } from './context.ts';
import { createVolume, isSubvolume } from './create.ts';
import { guardVolumes } from './guard.ts';
import { prepareQgroup, recount } from './hold.ts';
import { modifyVolume } from './modify.ts';
import { makeMovable } from './move.ts';
import { planVolume } from './plan.ts';
import { qgroupOf } from './qgroup.ts';
import { recoverPool } from './recover.ts';
import type { BtrfsSettings } from './settings.ts';
import { takeSnapshots } from './snapshot.ts';
import { sweepQgroups } from './sweep.ts';
import { poolCapacity, snapshotSize, volumeUsage } from './usage.ts';

/** Volumes as subvolumes of a btrfs pool, held to their sizes by qgroups; snapshots and clones share blocks and take no time. */
export function createBtrfsBackend(settings: BtrfsSettings, deps: { host: Host; log: BackendLog }): Backend {
  const pool = createBtrfsPool(settings, deps.host, deps.log);
  const { places, btrfs } = pool;
  const exists = (item: Item) => isSubvolume(pool, item);

  return {
    features: {
      block: false,
      fsTypes: ['btrfs'],
      snapshots: 'instant',
      clones: 'instant',
      expansion: 'online',
      enforced: settings.quota === 'enforced',
      exactSizes: true,
      thin: true,
      ownSuperblock: false,
      options: ['compression', 'copyOnWrite'],
    },
    plan: (wish, items) => planVolume(pool, wish, items),
    create: (item, source, signal) => createVolume(pool, item, source, signal),
    exists,
    snapshot: (pairs, signal) => takeSnapshots(pool, pairs, signal),
    snapshotSizeBytes: (source) => snapshotSize(pool, source),
    discard: async (item) => {
      await makeMovable(pool, item);
      await places.discard(item);
    },
    archive: async (item, at) => {
      await makeMovable(pool, item);
      await places.archive(item, at);
    },
    purge: async (item, signal) => {
      await places.purge(item, signal);
      const group = qgroupOf(item);
      if (group !== undefined) pool.leftQgroups.add(group);
      await sweepQgroups(pool);
      await recount(pool);
    },
    expand: async (item, sizeBytes) => {
      const group = qgroupOf(item);
      if (group === undefined) return;
      await btrfs.enableQuotas(settings.path);
      const now = (await btrfs.qgroups(settings.path, group)).byId.get(group)?.limitBytes;
      const limited = { ...item, sizeBytes: roundUp(sizeBytes) };
      if (now === undefined || now < limited.sizeBytes) await prepareQgroup(pool, limited);
    },
    // The limit is the volume's size: there is no file system of its own to grow.
    grow: async () => undefined,
    modify: (item, options, signal) => modifyVolume(pool, item, options, signal),
    usage: (item, _mountPoint, signal) => volumeUsage(pool, item, signal),
    open: async (item) => {
      if (await exists(item)) return { type: 'folder', path: places.path(item) };
      throw new StowageError('data-loss', `volume ${item.id}: its subvolume ${places.path(item)} is missing`);
    },
    opened: async (item) => ((await exists(item)) ? { type: 'folder', path: places.path(item) } : undefined),
    close: async () => undefined,
    condition: (item) => volumeCondition(pool, item),
    ...(settings.quota === 'enforced' ? { guard: (items, signal) => guardVolumes(pool, items, signal) } : {}),
    check: () => checkBtrfsPool(pool),
    capacity: () => poolCapacity(pool),
    recover: (items, signal) => recoverPool(pool, items, signal),
  };
}
