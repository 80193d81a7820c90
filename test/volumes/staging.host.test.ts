import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MIB, makeDriver, mount, type PoolSetup, type TestDriver } from '../support/driver.ts';
import { mountsInTheWay } from '../support/kubelet-refs.ts';
import { makeStaticDriver } from './static-setup.ts';

/** What lies at and beneath the staging path is what the kubelet looks at before it has a volume unstaged, and removes after that. */
const run = promisify(execFile);
let at: TestDriver | undefined;

afterEach(async () => {
  await at?.cleanup();
  at = undefined;
});

describe.each<PoolSetup>([
  { name: 'p', kind: 'folder', config: { backend: 'memory', size: 64 * MIB } },
  { name: 'p', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } },
  { name: 'p', kind: 'folder', config: { backend: 'image' } },
])('a staged volume of backend $config.backend', (pool) => {
  it('is not kept from being unstaged by another mount of it, and leaves its staging path empty', async () => {
    at = await makeDriver({ pools: [pool], sizeBytes: 32 * MIB, capability: mount() });
    const { id } = await at.create('staged');
    await at.stage(id);
    expect(await mountsInTheWay(at.stagingPath(id))).toEqual([]);
    await at.unstage(id);
    expect(await readdir(at.stagingPath(id))).toEqual([]);
  });
});

describe('a staged host path that is a mount point itself', () => {
  it('is not kept from being unstaged by the mount of the host', async () => {
    const driver = await makeStaticDriver();
    at = driver.at;
    const path = join(driver.allowed, 'disk');
    await mkdir(path);
    await run('mount', ['-t', 'tmpfs', 'stowage-test', path]);
    try {
      const volume = { id: 'pv-disk', path, type: 'Directory' };
      await driver.stage(volume);
      expect(await mountsInTheWay(driver.staging(volume))).toEqual([]);
      await driver.unstage(volume);
      expect(await readdir(driver.staging(volume))).toEqual([]);
    } finally {
      await run('umount', [path]);
    }
  });
});
