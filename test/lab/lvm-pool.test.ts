import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { lvNames, OWN_TAG } from '../../src/backends/lvm/names.ts';
import { createBackend } from '../../src/backends/registry.ts';
import type { Host } from '../../src/host/host.ts';
import { lvmConfig } from '../backends/configs.ts';
import { createWorkbench, signal, type Workbench } from '../backends/workbench.ts';
import { logicalVolumes, THIN_POOL } from '../support/volume-groups.ts';
import { makeLvmPool } from './support-lvm.ts';

const run = promisify(execFile);
const MIB = 1024 ** 2;
const POOL_BYTES = 512 * MIB;
const quiet = ['--yes', '-qq'];
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

describe('a thin pool and its group', () => {
  let made: Awaited<ReturnType<typeof makeLvmPool>>;
  let bench: Workbench;
  const poolUuid = randomUUID();
  beforeAll(async () => {
    made = await makeLvmPool('thin', POOL_BYTES);
    bench = createWorkbench({ ...made, access: { type: 'block' }, sizeBytes: 16 * MIB });
    await bench.backend.claim?.(poolUuid);
  }, 120_000);
  afterAll(() => made?.cleanup(), 120_000);
  const backendOf = (host: Host) => createBackend(made.config, { host, log });
  const remove = async (item: Parameters<Workbench['fingerprint']>[0]) => {
    await bench.backend.discard(item);
    await bench.backend.purge(item, signal());
    bench.forget(item);
  };

  it('are looked at by one lvs for many volumes', async () => {
    const items = [await bench.volume(), await bench.volume(), await bench.volume()];
    const programs: string[] = [];
    const commands: Host['commands'] = {
      run: (program, args, options) => {
        programs.push(program);
        return bench.host.commands.run(program, args, options);
      },
    };
    const backend = backendOf({ ...bench.host, commands });
    const asked = items.map(async (item) => [
      await backend.condition(item),
      await backend.exists(item),
      (await backend.usage(item, undefined, signal())).bytes.total,
    ]);
    expect(await Promise.all(asked)).toEqual(items.map((item) => [undefined, true, item.sizeBytes]));
    expect(programs).toEqual(['lvs']);
    for (const item of items) await remove(item);
  });

  it('take nothing new before the pool can run full, and say so before that', async () => {
    const { backend, inspect, volume, snapshotOf } = bench;
    const { totalBytes } = await backend.capacity([]);
    const item = await volume({ requiredBytes: totalBytes });
    const snapshot = await snapshotOf(item);
    const opened = await backend.open(item, signal());
    if (opened.type !== 'device') throw new Error('it has no device');
    const device = await open(opened.path, 'r+');
    try {
      const chunk = Buffer.alloc(MIB, 'x');
      let writtenBytes = 0;
      const writeUpTo = async (part: number) => {
        for (; writtenBytes < part * totalBytes; writtenBytes += MIB) {
          await device.write(chunk, 0, chunk.length, writtenBytes);
        }
        await device.sync();
        inspect.letTimePass?.();
      };
      await writeUpTo(0.86);
      expect(await backend.condition(item)).toMatch(/has used 8\d(\.\d+)? % of its \d+ bytes.*lvextend/);
      expect(await backend.check?.([item])).toEqual([expect.stringMatching(/has used 8\d/)]);
      expect((await backend.capacity([item])).freeBytes).toBeGreaterThan(0);
      await writeUpTo(0.91);
      const wish = { requiredBytes: MIB, limitBytes: undefined, access: { type: 'block' }, source: undefined } as const;
      const refusals = [
        backend.plan(wish, () => []),
        backend.snapshot([{ source: item, snapshot }], signal()),
        backend.expand(item, 2 * totalBytes, signal()),
      ];
      for (const refused of await Promise.allSettled(refusals)) {
        expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'exhausted' } });
      }
      expect(await backend.capacity([item])).toMatchObject({ largestBytes: 0 });
      await writeUpTo(0.95);
    } finally {
      await device.close();
      await backend.close(item, signal());
    }
    await remove(item);
    expect((await backend.capacity([])).largestBytes).toBeUndefined();
  });

  it('are looked at by check and gc: programs, the thin pool, volumes that nobody knows', async () => {
    const { backend, restarted, volume } = bench;
    expect(await backend.check?.([])).toEqual([]);
    const config = lvmConfig(made.path, made.group, { thinPool: 'missing' });
    const missing = createBackend(config, { host: bench.host, log });
    expect(await missing.check?.([])).toEqual([expect.stringMatching(/thin pool .*missing.*there is none.*lvcreate/)]);
    const [known, stray] = [await volume(), await volume()];
    expect(await restarted().strays?.([known])).toEqual([`${made.group}/${lvNames(stray).live}`]);
    for (const item of [known, stray]) await remove(item);
  });

  it('promise nothing of what volumes of others may still take', async () => {
    const before = await bench.backend.capacity([]);
    const thin = ['--type', 'thin', '--virtualsize', '100m', '--thinpool', THIN_POOL, '--name', 'others'];
    await run('lvcreate', [...quiet, ...thin, made.group]);
    bench.inspect.letTimePass?.();
    const { freeBytes } = await bench.backend.capacity([]);
    await run('lvremove', [...quiet, '--force', `${made.group}/others`]);
    expect(before.freeBytes - freeBytes).toBe(100 * MIB);
  });

  it('belong to one pool alone, and only where new blocks read as zero', async () => {
    const { restarted } = bench;
    await restarted().claim?.(poolUuid);
    await expect(restarted().claim?.(randomUUID())).rejects.toMatchObject({ code: 'unavailable' });
    await run('lvchange', [...quiet, '--zero', 'n', `${made.group}/${THIN_POOL}`]);
    await expect(restarted().claim?.(poolUuid)).rejects.toMatchObject({ code: 'unavailable' });
    await run('lvchange', [...quiet, '--zero', 'y', `${made.group}/${THIN_POOL}`]);
  });

  it('are rid of what a dead process left, and of nothing else', async () => {
    const { backend, restarted, volume } = bench;
    const [known, unknown] = [await volume(), await volume()];
    const opened = await backend.open(known, signal());
    if (opened.type !== 'device') throw new Error('it has no device');
    await run('dmsetup', ['suspend', opened.path]);
    const { temporary } = lvNames({ ...known, folder: 'half' });
    const make = ['-an', '--type', 'thin', '--virtualsize', '4m', '--thinpool', THIN_POOL];
    await run('lvcreate', [...quiet, ...make, '--addtag', OWN_TAG, '--name', temporary, made.group]);
    const others = lvNames({ ...known, folder: 'others' }).temporary; // without our tag
    await run('lvcreate', [...quiet, ...make, '--name', others, made.group]);
    await restarted().recover([known], signal());
    const { stdout } = await run('dmsetup', ['info', '--noheadings', '-c', '-o', 'suspended', opened.path]);
    expect(stdout.trim()).toBe('Active');
    const left = await logicalVolumes(made.path);
    expect(left).toContain(others);
    expect(left).not.toContain(temporary);
    expect(await restarted().strays?.([known])).toEqual([`${made.group}/${lvNames(unknown).live}`]);
    await backend.close(known, signal());
    await run('lvremove', [...quiet, '--force', `${made.group}/${others}`]);
  });
});
