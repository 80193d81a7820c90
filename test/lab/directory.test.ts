import { directoryConfig } from '../backends/configs.ts';
import { describeBackend } from '../backends/conformance.ts';
import { makePool } from '../support/pools.ts';

for (const [kind, parts] of [
  ['xfs-quota', ['lifecycle', 'copies', 'size']],
  ['ext4-quota', ['size']],
] as const) {
  describeBackend(`directory on ${kind}, enforced`, {
    makePool: async () => {
      const pool = await makePool(kind);
      return { config: directoryConfig(pool.path, 'enforced'), cleanup: pool.cleanup };
    },
    access: { type: 'mount', fsType: undefined },
    sizeBytes: 32 * 1024 ** 2,
    parts,
  });
}
