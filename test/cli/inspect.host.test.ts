import { execFile } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeDriver, signal, type TestDriver } from '../support/driver.ts';

const SCRIPT = resolve('dist/stowage.cjs');

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
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

  it('ls shows what the records say, beside a running driver', async () => {
    const { exitCode, stdout } = await stowage('ls', '--config', config);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`^disk +volume +ready +33554432 +${id} +pvc-seen$`, 'm'));
    expect(stdout).toMatch(/^plain +volume +retained .*pvc-kept$/m);
    expect(stdout).toMatch(/^disk +snapshot +ready .*snap-seen$/m);
    expect(stdout).toMatch(/^plain +33554432$/m);
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
      expect((await stowage('ls', '--config', config)).stdout).toMatch(/^disk +damaged .*stw1v-damaged +it is empty$/m);
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
