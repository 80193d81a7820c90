import { expect, it } from '@jest/globals';
import { imageConfig } from '../backends/configs.ts';
import { describeBackend } from '../backends/conformance.ts';
import { mayGrowExt4 } from '../backends/workbench.ts';
import { makePool } from '../support/pools.ts';

// A mounted ext4 grows only with CAP_SYS_RESOURCE, which a build machine's root may lack.
it('may grow mounted ext4 file systems here', async () => {
  expect(await mayGrowExt4()).toBe(true);
});

describeBackend('image on xfs, mounted as ext4, in the lab', {
  makePool: async () => {
    const pool = await makePool('xfs', 1024 ** 3);
    return { config: imageConfig(pool.path), cleanup: pool.cleanup };
  },
  access: { type: 'mount', fsType: 'ext4' },
  sizeBytes: 32 * 1024 ** 2,
  parts: ['size'], // the rest is the same on the machine itself
});
