import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Item } from '../../src/backends/backend.ts';
import { makePool, type TestPool } from '../support/pools.ts';
import { memoryConfig } from './configs.ts';
import { describeBackend } from './conformance.ts';
import { createWorkbench, type Inspect, inspectFolder, signal, type Workbench } from './workbench.ts';

const run = promisify(execFile);
const MIB = 1024 ** 2;
const POOL_BYTES = 8 * 1024 * MIB;

/** The data is behind a mount: hidden by taking that away, while another keeps the memory. */
function inspectMemory(poolPath: string): Inspect {
  const elsewhere = join(poolPath, 'elsewhere');
  return {
    ...inspectFolder(poolPath),
    async hide(item) {
      const home = join(poolPath, 'volumes', item.folder);
      await mkdir(elsewhere);
      await run('mount', ['--bind', home, elsewhere]);
      await run('umount', [home]);
      return async () => {
        await run('mount', ['--bind', elsewhere, home]);
        await run('umount', [elsewhere]);
        await rmdir(elsewhere);
      };
    },
  };
}

describeBackend('memory', {
  makePool: async () => {
    const { path, cleanup } = await makePool('folder');
    return { config: memoryConfig(path, POOL_BYTES), inspect: inspectMemory(path), cleanup };
  },
  access: { type: 'mount', fsType: undefined },
  sizeBytes: 64 * MIB,
});

describe('a volume in memory', () => {
  let pool: TestPool | undefined;
  let bench: Workbench | undefined;
  beforeAll(async () => {
    pool = await makePool('folder');
    const config = memoryConfig(pool.path, POOL_BYTES);
    bench = createWorkbench({ config, access: { type: 'mount', fsType: undefined }, sizeBytes: 16 * MIB });
  });
  afterAll(() => pool?.cleanup());

  const at = (): Workbench => {
    if (bench === undefined) throw new Error('the pool could not be made');
    return bench;
  };
  const home = (item: Item) => join(at().poolPath, 'volumes', item.folder);

  it('is a tmpfs with its limits, without devices, and not swapped where the kernel can', async () => {
    const item = await at().volume();
    const mount = (await at().host.mounts.table()).at(home(item));
    expect(mount?.fsType).toBe('tmpfs');
    expect(mount?.options).toEqual(expect.arrayContaining(['rw', 'nosuid', 'nodev']));
    const expected = ['size=16384k', 'nr_inodes=1024', 'mode=777'];
    if (await hasNoswap()) expected.push('noswap');
    expect(mount?.superOptions).toEqual(expect.arrayContaining(expected));
  });

  it('keeps its flags when it grows, and does not shrink', async () => {
    const item = await at().volume();
    await at().backend.expand(item, 64 * MIB, signal());
    await at().backend.expand(item, 32 * MIB, signal());
    const mount = (await at().host.mounts.table()).at(home(item));
    expect(mount?.options).toEqual(expect.arrayContaining(['nosuid', 'nodev']));
    expect(mount?.superOptions).toEqual(expect.arrayContaining(['size=65536k', 'nr_inodes=4096']));
  });

  it('has no more inodes than its size allows', async () => {
    const item = await at().volume();
    const names = Array.from({ length: 1100 }, (_, index) => join(home(item), String(index)));
    const writing = Promise.all(names.map((name) => writeFile(name, '')));
    await expect(writing).rejects.toMatchObject({ code: 'ENOSPC' });
    expect((await readdir(home(item))).length).toBeLessThanOrEqual(1024);
  });

  it('is refused, never empty, once its memory is lost, and can be deleted', async () => {
    const { backend } = at();
    const item = await at().filledVolume();
    await run('umount', [home(item)]);
    const open = backend.open(item, signal());
    await expect(open).rejects.toMatchObject({ code: 'precondition', message: expect.stringContaining('delete') });
    expect(await backend.opened(item)).toBeUndefined();
    expect(await backend.condition(item)).toContain('restart of the node');
    await expect(backend.expand(item, 64 * MIB, signal())).rejects.toMatchObject({ code: 'precondition' });
    await expect(backend.usage(item, undefined, signal())).rejects.toMatchObject({ code: 'precondition' });
    await backend.discard(item);
    await backend.purge(item, signal());
    expect(await readdir(join(at().poolPath, 'volumes'))).not.toContain(item.folder);
  });

  it('stays while it is bound elsewhere, and gives its memory back when it goes', async () => {
    const { backend, poolPath } = at();
    const item = await at().volume();
    await writeFile(join(home(item), 'data'), 'x');
    const bound = join(poolPath, 'bound');
    await mkdir(bound);
    await run('mount', ['--bind', home(item), bound]);
    await expect(backend.discard(item)).rejects.toMatchObject({
      code: 'busy',
      message: expect.stringContaining(bound),
    });
    expect(await readFile(join(home(item), 'data'), 'utf8')).toBe('x');
    await run('umount', [bound]);
    await backend.discard(item);
    expect((await at().host.mounts.table()).at(home(item))).toBeUndefined();
    await backend.purge(item, signal());
  });

  it('cannot be larger than its pool', async () => {
    const wish = { requiredBytes: POOL_BYTES + 1, limitBytes: undefined, source: undefined };
    const plan = at().backend.plan({ ...wish, access: { type: 'mount', fsType: undefined } }, () => []);
    await expect(plan).rejects.toMatchObject({ code: 'exhausted' });
  });

  it('takes room from its pool, which is no larger than the memory of the node', async () => {
    const { path, cleanup } = await makePool('folder');
    try {
      const config = memoryConfig(path, 2 ** 50);
      const huge = createWorkbench({ config, access: { type: 'mount', fsType: undefined }, sizeBytes: 16 * MIB });
      const { totalBytes, freeBytes } = await huge.backend.capacity([]);
      const kib = Number(/^MemTotal:\s*(\d+)/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1]);
      expect(totalBytes).toBe(kib * 1024);
      expect(freeBytes).toBeLessThan(totalBytes);
    } finally {
      await cleanup();
    }
  });
});

/** tmpfs(5): since Linux 6.4. */
async function hasNoswap(): Promise<boolean> {
  const [major = 0, minor = 0] = (await readFile('/proc/sys/kernel/osrelease', 'utf8')).split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 4);
}
