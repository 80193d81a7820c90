import { makePool } from '../support/pools.ts';
import { directoryConfig } from './configs.ts';
import { describeBackend } from './conformance.ts';

for (const [kind, parts] of [
  ['folder', undefined],
  ['xfs', ['copies', 'size']],
  ['btrfs', ['copies', 'size']],
] as const) {
  describeBackend(`directory on ${kind}, advisory`, {
    makePool: async () => {
      const pool = await makePool(kind);
      return { config: directoryConfig(pool.path, 'advisory'), cleanup: pool.cleanup };
    },
    access: { type: 'mount', fsType: undefined },
    sizeBytes: 64 * 1024 ** 2,
    ...(parts === undefined ? {} : { parts }),
  });
}
