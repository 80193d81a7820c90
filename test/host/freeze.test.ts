import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createCommands } from '../../src/host/command.ts';
import { createFreezer } from '../../src/host/freeze.ts';
import { makePool, type TestPool } from '../support/pools.ts';

const freezer = createFreezer(createCommands());
const never = new AbortController().signal;

describe('the freezer', () => {
  let pool: TestPool;

  beforeEach(async () => {
    pool = await makePool('ext4', 64 * 1024 ** 2);
  });

  afterEach(async () => {
    try {
      await freezer.thaw(pool.path);
    } finally {
      await pool.cleanup();
    }
  });

  it('holds writes back until it thaws', async () => {
    await freezer.freeze(pool.path, never);
    let isWritten = false;
    const writing = writeFile(join(pool.path, 'file'), 'text').then(() => {
      isWritten = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const wasWritten = isWritten;
    await freezer.thaw(pool.path);
    await writing;
    expect([wasWritten, isWritten]).toEqual([false, true]);
  });

  it('says that it is frozen already', async () => {
    await freezer.freeze(pool.path, never);
    await expect(freezer.freeze(pool.path, never)).rejects.toMatchObject({ code: 'busy' });
  });

  it('thaws what is not frozen', async () => {
    await freezer.thaw(pool.path);
    await freezer.freeze(pool.path, never);
    await freezer.thaw(pool.path);
    await freezer.thaw(pool.path);
  });

  it('names a folder that is not there', async () => {
    const missing = join(pool.path, 'missing');
    await expect(freezer.freeze(missing, never)).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringContaining(missing),
    });
    await expect(freezer.thaw(missing)).rejects.toMatchObject({ code: 'internal' });
  });
});
