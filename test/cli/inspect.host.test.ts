import { execFile } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { serveAdmin } from '../../src/cli/admin.ts';
import { stagedAt } from '../../src/staging/stage.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { MIB, makeDriver, signal, type TestDriver } from '../support/driver.ts';

const SCRIPT = resolve('dist/stowage.cjs');

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Listed {
  readonly pools: readonly { readonly name: string; readonly promisedBytes: number }[];
  readonly items: readonly {
    readonly id: string;
    readonly mounts: readonly string[];
    readonly usedBytes?: number;
    readonly problem?: string;
  }[];
}

/** Runs the built program as a user does. */
function stowage(...args: string[]): Promise<Ended> {
  return new Promise((settle) => {
    execFile(process.execPath, [SCRIPT, ...args], { timeout: 30_000 }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      settle({ exitCode, stdout, stderr });
    });
  });
}

describe('the commands that look', () => {
  let at: TestDriver;
  let config: string;
  let id: string;
  let folder: string;

  beforeAll(async () => {
    at = await makeDriver({
      pools: [
        { name: 'disk', kind: 'xfs', config: { backend: 'image' } },
        { name: 'plain', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } },
      ],
    });
    config = join(at.folder, 'config.yaml');
    const pools = [
      `  - {name: disk, backend: image, path: ${at.poolPath('disk')}, requireMount: true}`,
      `  - {name: plain, backend: directory, path: ${at.poolPath('plain')}, quota: advisory}`,
    ];
    await writeFile(config, ['driver: local', `stateDir: ${at.config.stateDir}`, 'pools:', ...pools, ''].join('\n'));
    id = (await at.create('pvc-seen', { parameters: { pool: 'disk' } })).id;
    folder = at.catalog.volume(id)?.folder ?? '';
    const kept = await at.create('pvc-kept', {
      parameters: { pool: 'plain' },
      mutableParameters: { onDelete: 'retain' },
    });
    await at.service.deleteVolume({ volumeId: kept.id }, signal());
    await at.service.createSnapshot({ name: 'snap-seen', sourceVolumeId: id }, signal());
    await at.driver.idle();
  }, 30_000);
  afterAll(() => at?.cleanup());

  async function listed(file = config): Promise<Listed> {
    return JSON.parse((await stowage('ls', '--json', '--config', file)).stdout);
  }

  it('ls shows what the records say, beside a running driver', async () => {
    const { exitCode, stdout } = await stowage('ls', '--config', config);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`^disk +volume +ready +32Mi +32Mi +- +${id} +pvc-seen +- +ok$`, 'm'));
    expect(stdout).toMatch(/^plain +volume +retained +32Mi +32Mi .*pvc-kept +- +-$/m);
    expect(stdout).toMatch(/^disk +snapshot +ready .*snap-seen +- +ok$/m);
    expect(stdout).toMatch(/^disk +image +\d.* ok$/m);
    expect(stdout).toMatch(/^plain +directory +\S+ +\S+ +- +32Mi +\S+ +ok$/m);
  });

  it('ls says where a volume is mounted, what it holds, and what is wrong with it, as table and as JSON', async () => {
    await at.mounted(id, async () => {
      const { stdout } = await stowage('ls', '--config', config);
      expect(stdout).toMatch(new RegExp(`${id} +pvc-seen +${stagedAt(at.stagingPath(id))} +ok$`, 'm'));
      expect(stdout).toMatch(/^ {40,}\S+\/targets\/\S+$/m);
      const shown = await listed();
      const volume = shown.items.find((item) => item.id === id);
      expect(volume).toMatchObject({ kind: 'volume', pool: 'disk', state: 'ready', sizeBytes: 32 * MIB, nodes: [] });
      expect(volume?.mounts?.[0]).toBe(stagedAt(at.stagingPath(id)));
      expect(volume?.mounts).toHaveLength(2);
      expect(volume?.usedBytes).toBeGreaterThan(0);
      expect(volume?.usedBytes).toBeLessThan(32 * MIB);
    });
    const image = join(at.poolPath('disk'), 'volumes', `${folder}.img`);
    await rename(image, `${image}.moved`);
    try {
      expect((await listed()).items.find((item) => item.id === id)?.problem).toMatch(/missing/);
    } finally {
      await rename(`${image}.moved`, image);
    }
  });

  it('ls asks the driver that runs, and shows the same', async () => {
    const alone = await listed();
    const admin = await serveAdmin({ stateDir: at.config.stateDir, driver: at.driver, log: createLog('silent') });
    try {
      const asked = await listed();
      expect(asked.items).toEqual(alone.items);
      expect(asked.pools.map(({ name }) => name)).toEqual(['disk', 'plain']);
      expect(asked.pools.map(({ promisedBytes }) => promisedBytes)).toEqual(
        alone.pools.map(({ promisedBytes }) => promisedBytes),
      );
      // What the file says is for the next start: the driver says what is.
      const next = join(at.folder, 'next.yaml');
      await writeFile(next, `driver: local\nstateDir: ${at.config.stateDir}\npools: []\n`);
      expect((await listed(next)).items).toEqual(alone.items);
    } finally {
      await admin.stop();
    }
  });

  it('ls says why a pool cannot be used', async () => {
    const broken = join(at.folder, 'no-pool.yaml');
    await writeFile(
      broken,
      `driver: local\nstateDir: ${at.folder}/no-state\npools: [{name: gone, backend: image, path: ${at.folder}/none}]\n`,
    );
    const { exitCode, stdout } = await stowage('ls', '--config', broken);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^gone +image +- +- +- +0 +- +pool gone cannot be used: .* missing, not a folder/m);
  });

  it('check finds this machine ready', async () => {
    const { exitCode, stdout } = await stowage('check', '--config', config);
    expect(stdout).toMatch(/^disk +image +xfs .*fine$/m);
    expect(exitCode).toBe(0);
  });

  it('gc finds nothing where all fits together', async () => {
    const { exitCode, stdout } = await stowage('gc', '--config', config);
    expect(stdout).toContain('nothing found');
    expect(exitCode).toBe(0);
  });

  it('gc finds data without a record, records without data and damaged ones, and removes nothing', async () => {
    const image = join(at.poolPath('disk'), 'volumes', `${folder}.img`);
    const record = join(at.poolPath('disk'), '.stowage', 'volumes', 'stw1v-damaged.json');
    await rename(image, `${image}.moved`);
    await mkdir(join(at.poolPath('plain'), 'volumes', 'stray'));
    await writeFile(record, '');
    try {
      for (let round = 0; round < 2; round++) {
        const { exitCode, stdout } = await stowage('gc', '--config', config);
        expect(exitCode).toBe(2);
        expect(stdout).toMatch(/^plain .*volumes\/stray +data without a record$/m);
        expect(stdout).toMatch(/^disk .*\.img\.moved +data without a record$/m);
        expect(stdout).toMatch(new RegExp(`^disk +${folder} +record ${id} \\(ready\\) without data$`, 'm'));
        expect(stdout).toMatch(/^disk +stw1v-damaged +record cannot be read: it is empty$/m);
      }
      expect((await stowage('ls', '--config', config)).stdout).toMatch(
        /^disk +damaged .*stw1v-damaged .* it is empty$/m,
      );
    } finally {
      await rename(`${image}.moved`, image);
      await rm(join(at.poolPath('plain'), 'volumes', 'stray'), { recursive: true });
      await rm(record);
    }
    expect((await stowage('gc', '--config', config)).exitCode).toBe(0);
  });

  it('gc finds what is in a snapshot folder or the trash of nobody', async () => {
    const stray = ['snapshots/stray.img', '.stowage/trash/stray.img'].map((path) => join(at.poolPath('disk'), path));
    for (const path of stray) await writeFile(path, 'x');
    const { exitCode, stdout } = await stowage('gc', '--config', config);
    for (const path of stray) await rm(path);
    expect(exitCode).toBe(2);
    for (const path of stray) expect(stdout).toContain(path);
  });

  it('check says what is missing', async () => {
    const broken = join(at.folder, 'broken.yaml');
    await writeFile(
      broken,
      `driver: local\npools:\n  - {name: gone, backend: image, path: ${at.folder}/none}\n  - {name: unmounted, backend: image, path: ${at.folder}/targets, requireMount: true}\n`,
    );
    const { exitCode, stdout } = await stowage('check', '--config', broken);
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/^gone .*missing, not a folder/m);
    expect(stdout).toMatch(/^unmounted .*no file system is mounted at/m);
  });

  it('pool forget makes this node forget a pool, once', async () => {
    const first = await stowage('pool', 'forget', 'plain', '--config', config);
    expect(first).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('pool plain is forgotten') });
    const second = await stowage('pool', 'forget', 'plain', '--config', config);
    expect(second).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('remembers no pool plain') });
    for (const name of ['../../etc/passwd', '', 'UPPER'])
      expect((await stowage('pool', 'forget', name, '--config', config)).exitCode).toBe(1);
    expect((await stowage('ls', '--config', config)).stdout).toContain('pvc-kept');
  });

  it.each([['ls'], ['gc'], ['check'], ['pool', 'forget', 'x']])(
    '%s says what it needs without a config',
    async (...args) => {
      const { exitCode, stderr } = await stowage(...args);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('--config');
      expect(stderr).not.toContain('    at ');
      const missing = await stowage(...args, '--config', join(at.folder, 'none.yaml'));
      expect(missing.exitCode).toBe(1);
      expect(missing.stderr).toContain('none.yaml');
    },
  );

  it('say what is wrong with an argument in words', async () => {
    for (const args of [
      ['ls', '--colour', 'red'],
      ['gc', 'everything'],
      ['pool', 'remember', 'x'],
    ]) {
      const { exitCode, stderr } = await stowage(...args, '--config', config);
      expect(exitCode).toBe(1);
      expect(stderr).not.toContain('    at ');
    }
  });
});
