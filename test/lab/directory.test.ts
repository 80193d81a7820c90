import { directoryConfig } from '../backends/configs.ts';
import { describeBackend } from '../backends/conformance.ts';
import { makePool } from '../support/pools.ts';

// What quotas do not touch is tried on the machine itself, and by csi-sanity here.
const isFull = process.env.STOWAGE_CONFORMANCE === 'full';
for (const kind of isFull ? (['xfs-quota', 'ext4-quota'] as const) : (['xfs-quota'] as const)) {
  describeBackend(`directory on ${kind}, enforced`, {
    makePool: async () => {
      const pool = await makePool(kind);
      return { config: directoryConfig(pool.path, 'enforced'), cleanup: pool.cleanup };
    },
    access: { type: 'mount', fsType: undefined },
    sizeBytes: 32 * 1024 ** 2,
    parts: ['size'],
  });
}
