import { mount, signal } from '../../support/driver.ts';
import { checkContent } from '../invariants.ts';
import { outcome, type Rules } from '../world.ts';
import { checkContextOf, NODE, type Uses } from './world.ts';

/** Of volumes that are exported beneath `root`. */
export function rulesOf(root: string, uses: Uses): Rules {
  return {
    checkContext: ({ context }, pool) => checkContextOf(root, context, pool),
    deletion({ staged, attached, targets }) {
      if (attached.size > 0) return 'refused';
      return staged || targets.size > 0 ? 'left' : 'done';
    },
    isReachable(volume, target) {
      const { attachment, targets } = uses.of(volume);
      return attachment !== undefined && targets.get(target) === attachment;
    },
    async checkUnused({ at }, volume) {
      const { id: volumeId } = volume;
      const request = { volumeId, capability: mount(), readOnly: false, volumeContext: at.contextOf(volumeId) };
      await outcome(at.service.attach({ ...request, nodeId: NODE }, signal()), []);
      await at.mounted(volumeId, ({ path }) => checkContent(volume, path));
      await outcome(at.service.detach({ volumeId, nodeId: NODE }, signal()), []);
    },
    lastingMounts: [root],
  };
}
