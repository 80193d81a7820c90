import { execFile } from 'node:child_process';
import { mkdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MIB, makeDriver, type TestDriver } from '../support/driver.ts';
import { makeDisks, type TestDisks } from '../support/pools.ts';

const run = promisify(execFile);
const SCRIPT = resolve('dist/stowage.cjs');

/** Runs the built program as a user does. */
function stowage(...args: string[]): Promise<{ readonly exitCode: number; readonly output: string }> {
  return new Promise((settle) => {
    execFile(process.execPath, [SCRIPT, ...args], { timeout: 30_000 }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      settle({ exitCode, output: stdout + stderr });
    });
  });
}

describe('check and gc know every backend', () => {
  const NAMES = ['images', 'folders', 'subvolumes', 'disks', 'memory'];
  const folderOf = new Map<string, string>();
  let disks: TestDisks;
  let at: TestDriver;
  let config: string;

  beforeAll(async () => {
    disks = await makeDisks('raw', 2, 64 * MIB);
    const devices = ['disk-0', 'disk-1'].map((name) => join(disks.folder, name));
    at = await makeDriver({
      pools: [
        { name: 'images', kind: 'ext4', sizeBytes: 256 * MIB, config: { backend: 'image' } },
        { name: 'folders', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } },
        { name: 'subvolumes', kind: 'btrfs', sizeBytes: 256 * MIB, config: { backend: 'btrfs' } },
        { name: 'disks', kind: 'folder', config: { backend: 'disk', devices } },
        { name: 'memory', kind: 'folder', config: { backend: 'memory', size: 256 * MIB } },
      ],
    });
    const written = at.config.pools.map((pool) => ('folderMode' in pool ? { ...pool, folderMode: '0777' } : pool));
    config = await write('config.yaml', written);
    for (const name of NAMES) {
      const { id } = await at.create(`pvc-${name}`, { parameters: { pool: name } });
      folderOf.set(name, at.catalog.volume(id)?.folder ?? '');
    }
    await at.driver.idle();
  }, 60_000);
  afterAll(async () => {
    await at?.cleanup();
    await disks?.cleanup();
  }, 30_000);

  /** Writes a config. JSON is YAML. */
  async function write(name: string, pools: readonly object[]): Promise<string> {
    const path = join(at.folder, name);
    await writeFile(path, JSON.stringify({ driver: 'local', stateDir: at.config.stateDir, pools }));
    return path;
  }

  const gc = () => stowage('gc', '--config', config);
  const check = () => stowage('check', '--config', config);
  const dataOf = (name: string) => join(at.poolPath(name), 'volumes', folderOf.get(name) ?? '');

  it('finds nothing where all is well, beside a running driver', async () => {
    expect(await gc()).toEqual({ exitCode: 0, output: 'nothing found: data and records fit together\n' });
    const { exitCode, output } = await check();
    for (const name of NAMES) expect(output).toMatch(new RegExp(`^${name} .* fine$`, 'm'));
    expect(output).toMatch(new RegExp(`^disks +disk +- +${64 * MIB} `, 'm')); // one of two is free
    expect(output).toMatch(new RegExp(`^memory +memory +- +${256 * MIB} `, 'm'));
    expect(output).toContain('note: sizes are not enforced (quota: advisory)');
    expect(output).toContain('note: no reflink here');
    expect(exitCode).toBe(0);
  });

  it('gc says of each what is of nobody, and what is gone', async () => {
    const strays = NAMES.map((name) => join(at.poolPath(name), 'volumes', 'stray'));
    for (const path of strays) await mkdir(path);
    const moved = ['images', 'disks', 'folders', 'subvolumes'].map((name) => ({
      data: dataOf(name) + (name === 'images' ? '.img' : name === 'disks' ? '.disk' : ''),
      away: join(at.poolPath(name), 'archive', 'away'),
    }));
    for (const { data, away } of moved) await rename(data, away);
    await run('umount', [dataOf('memory')]); // as at a restart of the node
    const { exitCode, output } = await gc();
    for (const path of strays) expect(output).toMatch(new RegExp(`${path} +data without a record$`, 'm'));
    for (const folder of folderOf.values())
      expect(output).toMatch(new RegExp(`^\\w+ +${folder} +record \\S+ \\(ready\\) without data$`, 'm'));
    expect(exitCode).toBe(2);
    for (const path of strays) await rmdir(path);
    for (const { data, away } of moved) await rename(away, data);
  });

  it('check says of disks what is away, and what is left alone', async () => {
    await rm(join(disks.folder, 'disk-1'));
    await rename(join(disks.folder, 'disk-0'), join(disks.folder, 'elsewhere'));
    const { exitCode, output } = await check();
    expect(output).toMatch(/disk-1: it is missing$/m);
    expect(output).toMatch(/ volume \S+: its disk is missing/m);
    expect(output).not.toMatch(/volume \S+: volume/);
    expect(exitCode).toBe(2);
    await rename(join(disks.folder, 'elsewhere'), join(disks.folder, 'disk-0'));
  });

  it('check says what a pool lies on, where that is not what its backend needs', async () => {
    const path = join(at.folder, 'plain');
    await mkdir(path);
    const broken = await write('broken.yaml', [
      { name: 'quotas', backend: 'directory', path },
      { name: 'subvolumes', backend: 'btrfs', path: join(at.folder, 'targets') },
      { name: 'exchanged', backend: 'image', path: at.poolPath('folders') },
      { name: 'new', backend: 'memory', size: '1Gi' },
    ]);
    const { exitCode, output } = await stowage('check', '--config', broken);
    expect(output).toMatch(/^quotas .*project quotas are off/m);
    expect(output).toMatch(/^subvolumes .*remembers pool/m);
    expect(output).toMatch(/^exchanged .*made for backend directory/m);
    expect(output).toMatch(/^new +memory +- +- +fine\n +note: its folder is made at the first use$/m);
    expect(exitCode).toBe(2);
  });

  it('check says which limits would not hold root of the nodes', async () => {
    const config = join(at.folder, 'nfs.yaml');
    const path = at.poolPath('images'); // on ext4
    const pools = [
      { name: 'limits', backend: 'directory', path: join(path, 'new') },
      { name: 'none', backend: 'directory', path: join(at.folder, 'none'), quota: 'advisory' },
    ];
    const managed = { server: '127.0.0.1', pools };
    for (const folder of [join(path, 'new'), join(at.folder, 'none')]) await mkdir(folder);
    await writeFile(config, JSON.stringify({ driver: 'nfs', stateDir: join(at.folder, 'nfs'), managed }));
    const { exitCode, output } = await stowage('check', '--config', config);
    expect(output).toMatch(/^limits .* is on ext4, whose quota does not hold root of the nodes/m);
    expect(output).toMatch(/^none .* fine$/m);
    expect(exitCode).toBe(2);
  });
});
