import { block, mount } from '../support/driver.ts';
import { checkContent } from './invariants.ts';
import type { ModelVolume } from './model.ts';
import { poolOf, type Rules, same, type World } from './world.ts';

/** Of volumes on this machine's own disks. */
export const LOCAL_RULES: Rules = {
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
