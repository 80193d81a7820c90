import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Host } from '../../src/host/host.ts';
import { MIB, makeDriver, mount, type PoolSetup, signal, type TestDriver } from '../support/driver.ts';
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

it.each([
  { fsType: 'xfs', grow: 'xfs_growfs' },
  { fsType: 'ext4', grow: 'resize2fs' },
] as const)(
  'only a file system that is smaller than its device is grown when it is staged: $fsType',
  async ({ fsType, grow }) => {
    const programs: string[] = [];
    const wrap = (host: Host): Host => ({
      ...host,
      commands: {
        async run(program, args, options) {
          programs.push(program);
          // Not every machine lets an ext4 grow.
          return program === grow ? { stdout: '', stderr: '', exitCode: 0 } : host.commands.run(program, args, options);
        },
      },
    });
    const capability = mount('SINGLE_NODE_WRITER', fsType);
    at = await makeDriver({
      pools: [{ name: 'p', kind: 'folder', config: { backend: 'image' } }],
      sizeBytes: 320 * MIB,
      capability,
      wrap,
    });
    const { id } = await at.create('grown');
    const programsOfStage = async () => {
      programs.length = 0;
      await at?.stage(id);
      await at?.unstage(id);
      return programs.filter((program) => program === grow);
    };
    expect(await programsOfStage()).toEqual([]);
    const size = { requiredBytes: 321 * MIB, limitBytes: undefined };
    await at.service.expandVolume({ volumeId: id, size, capability }, signal());
    expect(await programsOfStage()).toEqual([grow]);
  },
);

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
