import { StowageError } from '../../errors.ts';
import type { Host } from '../../host/host.ts';
import type { Backend, Item, Opened } from '../backend.ts';
import type { BackendLog } from '../log.ts';
import { createPlaces } from '../places.ts';
import { roundUp } from '../sizes.ts';
import { checkMemoryPool } from './check.ts';
import { LOST, type MemoryPool, memoryOf } from './context.ts';
import { createMemory, discardMemory } from './create.ts';
import { limitsFor, planMemory } from './plan.ts';
import type { MemorySettings } from './settings.ts';
import { memoryCapacity, memoryUsage } from './usage.ts';

/**
 * Volumes in memory: each a tmpfs of its own with its size, mounted within the pool's folder, which holds their records alone. For scratch: a
 * restart of the node takes the data, and then the volume is refused rather than empty.
 */
export function createMemoryBackend(settings: MemorySettings, deps: { host: Host; log: BackendLog }): Backend {
  const { host } = deps;
  const places = createPlaces(settings.path, '', { files: host.files, log: deps.log });
  const pool: MemoryPool = { settings, host, places };
  const opened = async (item: Item): Promise<Opened | undefined> =>
    (await memoryOf(pool, item)) === undefined ? undefined : { type: 'folder', path: places.path(item) };

  return {
    features: {
      block: false,
      fsTypes: ['tmpfs'],
      snapshots: 'none',
      clones: 'none',
      expansion: 'online',
      enforced: true,
      exactSizes: true,
      thin: false,
      ownSuperblock: false,
      volatile: true,
    },
    plan: async (wish) => planMemory(settings, wish),
    create: (item, source, signal) => createMemory(pool, item, source, signal),
    exists: async (item) => (await memoryOf(pool, item)) !== undefined,
    snapshot: async () => {
      throw unsupported(settings, 'have no snapshots');
    },
    snapshotSizeBytes: async () => {
      throw unsupported(settings, 'have no snapshots');
    },
    discard: (item) => discardMemory(pool, item),
    archive: async () => {
      throw unsupported(settings, 'cannot be archived');
    },
    purge: places.purge,
    expand: async (item, sizeBytes) => {
      const { bytes } = await memoryUsage(pool, item); // refuses one that was lost
      if (bytes.total < roundUp(sizeBytes)) await host.mounts.resizeMemory(places.path(item), limitsFor(sizeBytes));
    },
    // The limit is its size: there is no device to grow onto.
    grow: async () => undefined,
    usage: (item) => memoryUsage(pool, item),
    open: async (item) => {
      const found = await opened(item);
      if (found === undefined) throw new StowageError('precondition', `volume ${item.id}: ${LOST}`);
      return found;
    },
    opened,
    close: async () => undefined,
    condition: async (item) => ((await memoryOf(pool, item)) === undefined ? LOST : undefined),
    check: () => checkMemoryPool(pool),
    capacity: (items) => memoryCapacity(pool, items),
    recover: (_items, signal) => places.emptyTemporary(signal),
  };
}

function unsupported(settings: MemorySettings, what: string): StowageError {
  return new StowageError('unsupported', `volumes of pool ${settings.name} (memory) ${what}`);
}
