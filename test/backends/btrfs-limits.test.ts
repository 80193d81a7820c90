import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Item } from '../../src/backends/backend.ts';
import { ioctl, writes } from '../../src/host/btrfs-ioctl.ts';
import { addressOf } from '../../src/host/libc.ts';
import { makePool, type TestPool } from '../support/pools.ts';
import { QUOTA_MODES } from '../support/quota-modes.ts';
import { btrfsConfig } from './configs.ts';
import { createWorkbench, signal, type Workbench } from './workbench.ts';

const run = promisify(execFile);
const MIB = 1024 ** 2;
const LEVEL_1 = 2 ** 48;
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];

/** What users do in a volume, and what people do behind the driver's back. */
describe.each(QUOTA_MODES)('btrfs with %s quotas', (mode) => {
  let pool: TestPool | undefined;
  let bench: Workbench;
  beforeEach(async () => {
    pool = await makePool('btrfs', 2 * 1024 ** 3);
    if (mode === 'full') await run('btrfs', ['quota', 'enable', pool.path]);
    bench = createWorkbench({
      config: btrfsConfig(pool.path, 'enforced'),
      access: { type: 'mount', fsType: undefined },
      sizeBytes: 32 * MIB,
    });
    await bench.backend.recover([], signal());
    await chmod(dirname(pool.path), 0o755);
  });
  afterEach(() => pool?.cleanup());

  const asNobody = (script: string, path: string) => run('setpriv', [...NOBODY, 'sh', '-c', script, 'sh', path]);
  /** Writes as an ordinary user, at most 48 MiB. @returns true if the kernel refused some */
  const isStopped = async (folder: string) => {
    const script = 'head -c 48M /dev/urandom > "$1/flood" && sync -f "$1" || echo stopped';
    return (await asNobody(script, folder)).stdout.includes('stopped');
  };
  const purged = async (item: Item) => {
    await bench.backend.discard(item);
    await bench.backend.purge(item, signal());
  };
  /** Waits until the kernel has freed what is deleted; the sync wakes the thread that does it, which else looks every 30 s. */
  const freed = async () => {
    await run('btrfs', ['filesystem', 'sync', bench.poolPath]);
    await run('btrfs', ['subvolume', 'sync', '-s', '1', bench.poolPath]);
    await bench.host.btrfs.commit(bench.poolPath);
  };
  /** All qgroups that a volume or snapshot has, once the kernel has freed what is deleted, and purges have tried them again. */
  const qgroupsLeft = async () => {
    await freed();
    const other = await bench.volume();
    await purged(other);
    bench.forget(other);
    await freed();
    await bench.backend.purge(other, signal());
    const held = new Set(bench.items().map(numberOf));
    const { byId } = await bench.host.btrfs.qgroups(bench.poolPath);
    return [...byId.keys()].filter((id) => id >= LEVEL_1 && !held.has(id - LEVEL_1));
  };

  it("counts a user's nested subvolume to the volume's limit", async () => {
    const item = await bench.volume();
    await bench.staged(item, async ({ path }) => {
      await asNobody('btrfs subvolume create "$1/nested"', path);
      const findings = await bench.backend.guard?.([item], signal());
      expect(findings?.map(({ escapes }) => escapes)).toEqual(mode === 'simple' ? [] : [1]);
      expect(await isStopped(join(path, 'nested'))).toBe(true);
      expect((await bench.backend.usage(item, undefined, signal())).bytes.used).toBeGreaterThan(24 * MIB);
      expect(await isStopped(path)).toBe(true);
    });
  });

  it('finds one that a program kept out of it, and holds it from then on', async () => {
    const item = await bench.volume();
    await bench.staged(item, async ({ path }) => {
      await createOutsideOfQgroups(path, 'escaped');
      await chmod(join(path, 'escaped'), 0o777);
      const [finding, ...more] = (await bench.backend.guard?.([item], signal())) ?? [];
      expect(finding).toMatchObject({ item, escapes: 1, problem: expect.stringContaining('not counted') });
      expect(more).toEqual([]);
      expect(await bench.backend.guard?.([item], signal())).toEqual([]);
      await createOutsideOfQgroups(join(path, 'escaped'), 'deeper');
      expect(await bench.backend.condition(item)).toContain('not counted');
      expect(await bench.backend.condition(item)).toBeUndefined();
      expect(await isStopped(join(path, 'escaped'))).toBe(true);
    });
  });

  it('removes a full volume with read-only subvolumes in one another', async () => {
    const item = await bench.volume();
    await bench.staged(item, async ({ path }) => {
      await asNobody(
        'btrfs subvolume create "$1/a" && mkdir "$1/a/deep" && btrfs subvolume create "$1/a/deep/b"',
        path,
      );
      await asNobody('echo x > "$1/a/deep/b/file"', path);
      for (const name of ['a/deep/b', 'a']) await run('btrfs', ['property', 'set', join(path, name), 'ro', 'true']);
      await isStopped(path);
    });
    await purged(item);
    expect(await bench.inspect.trashed(item)).toEqual([]);
    expect(await qgroupsLeft()).toEqual([]);
  });

  it('removes and archives volumes that were made read-only', async () => {
    for (const end of ['archive', 'purge'] as const) {
      const item = await bench.filledVolume();
      await run('btrfs', ['property', 'set', join(bench.poolPath, 'volumes', item.folder), 'ro', 'true']);
      if (end === 'purge') await purged(item);
      else await bench.backend.archive(item, new Date());
      expect(await bench.backend.exists(item)).toBe(false);
    }
  });

  it('keeps the qgroup of a deleted volume as long as a snapshot needs it', async () => {
    const item = await bench.filledVolume();
    const snapshot = await bench.takeSnapshot(item);
    await purged(item);
    bench.forget(item);
    expect((await qgroupsLeft()).length).toBe(mode === 'simple' ? 1 : 0);
    const restored = await bench.volume({ source: snapshot });
    expect(await bench.fingerprint(restored)).not.toBe('');
    await purged(restored);
    bench.forget(restored);
    await purged(snapshot);
    expect(await qgroupsLeft()).toEqual([]);
  });

  it('takes snapshots of several volumes in one transaction, or says that it could not', async () => {
    const sources = [await bench.filledVolume(), await bench.filledVolume(), await bench.filledVolume()];
    const pairs = [];
    for (const source of sources) pairs.push({ source, snapshot: await bench.snapshotOf(source) });
    await bench.backend.snapshot(pairs, signal());
    const transactions = new Set<number | undefined>();
    for (const { snapshot } of pairs) {
      const info = await bench.host.btrfs.subvolume(join(bench.poolPath, 'snapshots', snapshot.folder));
      transactions.add(info?.createdInTransaction);
    }
    if (!bench.warnings().some((words) => words.includes('milliseconds apart'))) expect(transactions.size).toBe(1);
  });

  it('tells that a limit or all quotas are gone, and sets them again', async () => {
    const item = await bench.volume();
    const group = LEVEL_1 + numberOf(item);
    await bench.host.btrfs.limitQgroup(bench.poolPath, group, undefined);
    expect(await bench.backend.condition(item)).toContain('has no limit');
    await bench.backend.recover([item], signal());
    expect(await bench.backend.condition(item)).toBeUndefined();
    await run('btrfs', ['quota', 'disable', bench.poolPath]);
    expect(await bench.backend.condition(item)).toContain('quotas are off');
    expect((await bench.backend.usage(item, undefined, signal())).bytes.total).toBe(item.sizeBytes);
    await bench.restarted().recover([item], signal());
    expect(await bench.backend.condition(item)).toBeUndefined();
    await bench.staged(item, async ({ path }) => {
      expect(await isStopped(path)).toBe(true);
    });
  });

  it('sweeps qgroups that no volume has, and leaves those of others', async () => {
    const item = await bench.volume();
    const lost = await bench.volume();
    await bench.host.btrfs.createQgroup(bench.poolPath, LEVEL_1 + 5);
    await run('btrfs', ['subvolume', 'delete', '-c', join(bench.poolPath, 'volumes', lost.folder)]);
    await freed();
    await bench.restarted().recover([item], signal());
    const { byId } = await bench.host.btrfs.qgroups(bench.poolPath);
    const ids = [...byId.keys()].filter((id) => id >= LEVEL_1).map((id) => id - LEVEL_1);
    expect(new Set(ids)).toEqual(new Set([5, numberOf(item)]));
  });

  it('tells a plain folder from a subvolume, and errors of the devices', async () => {
    const item = await bench.volume();
    await purged(item);
    await mkdir(join(bench.poolPath, 'volumes', item.folder));
    expect(await bench.backend.exists(item)).toBe(false);
    expect(await bench.backend.condition(item)).toContain('plain folder');
  });
});

it('refuses another file system, naming it', async () => {
  const pool = await makePool('xfs');
  try {
    const { backend } = createWorkbench({
      config: btrfsConfig(pool.path, 'enforced'),
      access: { type: 'mount', fsType: undefined },
      sizeBytes: 32 * MIB,
    });
    await expect(backend.recover([], signal())).rejects.toMatchObject({
      code: 'precondition',
      message: expect.stringContaining('xfs'),
    });
  } finally {
    await pool.cleanup();
  }
});

function numberOf({ layout }: Item): number {
  return layout.backend === 'btrfs' ? (layout.qgroupId ?? 0) : 0;
}

/** SUBVOL_CREATE_V2 with an explicit list of no qgroups, which takes the kernel's own choice away. */
async function createOutsideOfQgroups(folder: string, name: string): Promise<void> {
  const args = Buffer.alloc(4096 + 72);
  args.writeBigUInt64LE(1n << 2n, 16);
  args.writeBigUInt64LE(72n, 24);
  args.writeBigUInt64LE(addressOf(args) + 4096n, 32);
  args.write(name, 56);
  const fd = openSync(folder, constants.O_RDONLY);
  try {
    await ioctl(folder, fd, writes(24, 4096), args);
  } finally {
    closeSync(fd);
  }
  await writeFile(join(folder, name, 'made'), '');
}
