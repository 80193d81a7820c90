import { block, makeDriver, mount } from '../support/driver.ts';
import type { ModelledBackend } from './backends.ts';
import { checkContent } from './invariants.ts';
import { createModel, type ModelVolume } from './model.ts';
import { factsOfPools, MAX_ATTACHED, poolOf, type Rules, same, type World } from './world.ts';

/** A driver with pools on this machine's own disks. */
export async function makeWorld(backend: ModelledBackend): Promise<World> {
  const at = await makeDriver({ pools: backend.pools, keys: { maxVolumesPerNode: MAX_ATTACHED } });
  try {
    return { at, model: createModel(), pools: await factsOfPools(at, backend.pools), rules: LOCAL_RULES };
  } catch (error) {
    await at.cleanup();
    throw error;
  }
}

const LOCAL_RULES: Rules = {
  checkContext: ({ context }, pool) => same('its pool', context, { pool }),
  deletion: ({ staged, attached, targets }) => (staged || attached.size + targets.size > 0 ? 'refused' : 'done'),
  isReachable: () => true,
  checkUnused,
  lastingMounts: [],
};

/** Mounts a volume of this machine's own disks, and looks at it. */
async function checkUnused(world: World, volume: ModelVolume): Promise<void> {
  const cannotGrow = !poolOf(world, volume.pool).growsMounted && volume.fsBytes < volume.sizeBytes;
  if (cannotGrow && volume.access === 'mount') return;
  const capability = volume.access === 'block' ? block() : mount();
  await world.at.mounted(volume.id, ({ path }) => checkContent(volume, path), capability);
}
