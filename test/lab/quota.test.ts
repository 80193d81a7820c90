import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCommands } from '../../src/host/command.ts';
import { createFiles } from '../../src/host/files.ts';
import { createMounts } from '../../src/host/mounts.ts';
import { createQuotas } from '../../src/host/quota.ts';
import { makePool, type TestPool } from '../support/pools.ts';

const run = promisify(execFile);
const quotas = createQuotas();
const commands = createCommands();
const files = createFiles(commands, createMounts(commands));
const MIB = 1024 ** 2;
const LAB_MS = 60_000; // a child takes 26 ms and more to start there

/** Writes as someone whom ext4 does not let pass: without CAP_SYS_RESOURCE. Gives what dd said. */
async function write(path: string, mebibytes: number): Promise<string> {
  const dd = ['dd', 'if=/dev/zero', `of=${path}`, 'bs=1M', `count=${mebibytes}`, 'conv=fsync'];
  const { stdout } = await run('sh', ['-c', 'capsh --drop=cap_sys_resource -- -c "$*" 2>&1 || true', 'sh', ...dd]);
  return stdout;
}

/** XFS frees what was removed in the background. */
async function becomesUnused(path: string, projectId: number): Promise<void> {
  const deadline = Date.now() + LAB_MS / 2;
  while ((await quotas.usage(path, projectId)).usedInodes > 0 && Date.now() < deadline) await setTimeout(20);
  expect(await quotas.usage(path, projectId)).toMatchObject({ usedBytes: 0, usedInodes: 0 });
}

describe.each(['xfs-quota', 'ext4-quota'] as const)('project quotas on %s', (kind) => {
  let pool: TestPool;
  const at = (name: string) => join(pool.path, 'volumes', name);
  const signal = () => AbortSignal.timeout(LAB_MS);

  beforeAll(async () => {
    pool = await makePool(kind);
  }, LAB_MS);
  afterAll(() => pool.cleanup(), LAB_MS);

  async function makeProject(name: string, id: number, limitBytes = 8 * MIB, limitInodes = 0): Promise<string> {
    await mkdir(at(name));
    await quotas.setProject(at(name), id);
    await quotas.setLimits(at(name), id, { limitBytes, limitInodes });
    return at(name);
  }

  it('are enforced', async () => {
    expect(await quotas.enforced(pool.path)).toBe(true);
  });

  it('know nothing of an unused project', async () => {
    const none = { usedBytes: 0, limitBytes: 0, usedInodes: 0, limitInodes: 0 };
    expect(await quotas.usage(pool.path, 0x7fffffff)).toEqual(none);
    expect(await quotas.project(pool.path)).toBe(0);
  });

  it(
    'hold a folder to its limit on bytes',
    async () => {
      const folder = await makeProject('bytes', 0x40000001);
      expect(await quotas.project(folder)).toBe(0x40000001);
      expect(await write(join(folder, 'fits'), 4)).not.toContain('exceeded');
      const { usedBytes, limitBytes, usedInodes } = await quotas.usage(pool.path, 0x40000001);
      expect(limitBytes).toBe(8 * MIB);
      expect(usedBytes).toBeGreaterThanOrEqual(4 * MIB);
      expect(usedBytes).toBeLessThan(4 * MIB + 128 * 1024);
      expect(usedInodes).toBe(2);
      expect(await write(join(folder, 'does-not'), 8)).toMatch(/quota exceeded|No space left/);
    },
    LAB_MS,
  );

  it(
    'hold a folder to its limit on inodes, which folders in it inherit',
    async () => {
      const folder = await makeProject('inodes', 0x40000002, 8 * MIB, 5);
      await mkdir(join(folder, 'deep'));
      expect(await quotas.project(join(folder, 'deep'))).toBe(0x40000002);
      for (const name of ['a', 'b', 'c']) await write(join(folder, 'deep', name), 0);
      expect(await write(join(folder, 'deep', 'd'), 0)).toMatch(/quota exceeded|No space left/);
      expect(await quotas.usage(folder, 0x40000002)).toMatchObject({ usedInodes: 5, limitInodes: 5 });
    },
    LAB_MS,
  );

  it('round limits up to what the file system counts in, change them and take them away', async () => {
    const folder = await makeProject('limits', 0x40000003, 8 * MIB + 1, 10);
    expect(await quotas.usage(folder, 0x40000003)).toMatchObject({
      limitBytes: 8 * MIB + (kind === 'xfs-quota' ? 4096 : 1024),
      limitInodes: 10,
    });
    await quotas.setLimits(folder, 0x40000003, { limitBytes: 0, limitInodes: 0 });
    expect(await quotas.usage(folder, 0x40000003)).toMatchObject({ limitBytes: 0, limitInodes: 0 });
  });

  it('count sizes beyond 4 GiB', async () => {
    const limitBytes = 3 * 1024 ** 4;
    await makeProject('large', 0x40000004, limitBytes);
    expect((await quotas.usage(pool.path, 0x40000004)).limitBytes).toBe(limitBytes);
  });

  it(
    'belong to everything that is copied into a folder of the project, and hold the copy',
    async () => {
      const from = await makeProject('from', 0x40000005);
      await mkdir(join(from, 'deep'));
      await writeFile(join(from, 'deep', 'data'), Buffer.alloc(3 * MIB, 'x'));
      await run('sh', ['-c', 'cd "$1" && ln -s /etc out && mkfifo fifo && ln deep/data link && sync -f .', 'sh', from]);
      const to = await makeProject('to', 0x40000006);
      await files.copy(from, to, signal());
      for (const name of ['', 'deep', 'deep/data']) expect(await quotas.project(join(to, name))).toBe(0x40000006);
      const source = await quotas.usage(from, 0x40000005);
      const copy = await quotas.usage(to, 0x40000006);
      expect(copy).toEqual(source); // also links and fifos, and blocks that are shared
      expect(copy.usedBytes).toBeGreaterThanOrEqual(3 * MIB);

      await files.removeTree(to, signal());
      await becomesUnused(pool.path, 0x40000006);
    },
    LAB_MS,
  );

  it('do not follow a link', async () => {
    await run('ln', ['-s', '/tmp', at('link')]);
    await expect(quotas.setProject(at('link'), 7)).rejects.toMatchObject({ code: 'ELOOP' });
  });
});

describe('a copy that is larger than its limit', () => {
  it(
    'fails on XFS, which holds root too',
    async () => {
      const pool = await makePool('xfs-quota');
      try {
        const [from, to] = [join(pool.path, 'volumes/from'), join(pool.path, 'volumes/to')];
        for (const folder of [from, to]) await mkdir(folder);
        await writeFile(join(from, 'data'), Buffer.alloc(8 * MIB, 'x'));
        await quotas.setProject(to, 9);
        await quotas.setLimits(to, 9, { limitBytes: 4 * MIB, limitInodes: 0 });
        const copy = files.copy(from, to, AbortSignal.timeout(LAB_MS));
        await expect(copy).rejects.toThrow(/Disk quota exceeded|No space left on device/);
      } finally {
        await pool.cleanup();
      }
    },
    LAB_MS,
  );
});

describe('without project quotas', () => {
  it.each(['xfs', 'ext4'] as const)(
    '%s enforces none',
    async (kind) => {
      const pool = await makePool(kind);
      try {
        expect(await quotas.enforced(pool.path)).toBe(false);
        await expect(quotas.usage(pool.path, 7)).rejects.toMatchObject({ name: 'StowageError', code: 'unsupported' });
      } finally {
        await pool.cleanup();
      }
    },
    LAB_MS,
  );
});
