import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createQuotas } from '../../src/host/quota.ts';
import { makePool } from '../support/pools.ts';

/** What quotas do where they are on is tested in the lab, since many kernels lack them: test/lab/quota.test.ts. */
const quotas = createQuotas();
const unsupported = { name: 'StowageError', code: 'unsupported', message: expect.stringContaining('prjquota') };

describe.each(['ext4', 'xfs', 'btrfs'] as const)('quotas on %s without project quotas', (kind) => {
  it('are not enforced, and say what they need', async () => {
    const pool = await makePool(kind);
    try {
      const file = join(pool.path, 'file');
      await writeFile(file, '');
      for (const path of [pool.path, file]) {
        expect(await quotas.enforced(path)).toBe(false);
        await expect(quotas.usage(path, 7)).rejects.toMatchObject(unsupported);
        const limits = { limitBytes: 1024, limitInodes: 1 };
        await expect(quotas.setLimits(path, 7, limits)).rejects.toMatchObject(unsupported);
      }
      await expect(quotas.usage(join(pool.path, 'none'), 7)).rejects.toMatchObject({ code: 'ENOENT' });
    } finally {
      await pool.cleanup();
    }
  });
});

it('gives and finds a project id where the file system has them', async () => {
  const pool = await makePool('xfs');
  try {
    const folder = join(pool.path, 'volumes');
    expect(await quotas.project(folder)).toBe(0);
    await quotas.setProject(folder, 0x40000001);
    expect(await quotas.project(folder)).toBe(0x40000001);
    await writeFile(join(folder, 'inherits'), '');
    expect(await quotas.project(join(folder, 'inherits'))).toBe(0x40000001);
  } finally {
    await pool.cleanup();
  }
});
