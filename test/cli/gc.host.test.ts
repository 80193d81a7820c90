import { execFile } from 'node:child_process';
import { access, mkdir, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isStillStray, straysOf } from '../../src/cli/gc/strays.ts';
import { type Inspection, inspect } from '../../src/cli/inspect.ts';
import { MIB, makeDriver, signal, type TestDriver } from '../support/driver.ts';
import { makeDisks, type TestDisks } from '../support/pools.ts';

const run = promisify(execFile);
const SCRIPT = resolve('dist/stowage.cjs');
const NAMES = ['images', 'folders', 'subvolumes', 'memory'];

function fail(what: string): never {
  throw new Error(what);
}

let at: TestDriver;
let config: string;

/** The driver's config, for the program. */
async function writeConfig(): Promise<void> {
  config = join(at.folder, 'config.yaml');
  const pools = at.config.pools.map((pool) => ('folderMode' in pool ? { ...pool, folderMode: '0777' } : pool));
  await writeFile(config, JSON.stringify({ driver: 'local', stateDir: at.config.stateDir, pools })); // JSON is YAML
}

/** Runs the built program as a user does. */
function gc(...args: string[]): Promise<{ readonly exitCode: number; readonly output: string }> {
  return new Promise((settle) => {
    const all = [SCRIPT, 'gc', '--config', config, '--node-id', 'node-1', ...args];
    execFile(process.execPath, all, { timeout: 60_000 }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      settle({ exitCode, output: stdout + stderr });
    });
  });
}

const NOTHING_FOUND = { exitCode: 0, output: 'nothing found: data and records fit together\n' };

describe('gc --remove', () => {
  beforeEach(async () => {
    at = await makeDriver({
      pools: [
        { name: 'images', kind: 'xfs', config: { backend: 'image' } },
        { name: 'folders', kind: 'folder', config: { backend: 'directory', quota: 'advisory' } },
        { name: 'subvolumes', kind: 'btrfs', sizeBytes: 256 * MIB, config: { backend: 'btrfs' } },
        { name: 'memory', kind: 'folder', config: { backend: 'memory', size: 256 * MIB } },
      ],
    });
    await writeConfig();
  }, 60_000);
  afterEach(() => at?.cleanup(), 30_000);

  const recordOf = (pool: string, kind: string, id: string) => join(at.poolPath(pool), '.stowage', kind, `${id}.json`);
  const dataOf = (pool: string, id: string) =>
    join(at.poolPath(pool), 'volumes', (at.catalog.volume(id)?.folder ?? '') + (pool === 'images' ? '.img' : ''));

  it('removes what no record names, and nothing else', async () => {
    const kept = new Map<string, string>();
    const orphans: string[] = [];
    for (const pool of NAMES) {
      const { id } = await at.create(`kept-${pool}`, { parameters: { pool } });
      kept.set(dataOf(pool, id), pool);
      const orphan = await at.create(`orphan-${pool}`, { parameters: { pool } });
      if (pool !== 'memory') await at.service.createSnapshot({ name: `snap-${pool}`, sourceVolumeId: id }, signal());
      orphans.push(dataOf(pool, orphan.id));
      await rm(recordOf(pool, 'volumes', orphan.id));
    }
    const { id } = await at.create('source', { parameters: { pool: 'subvolumes' } });
    const snapshot = await at.service.createSnapshot({ name: 'orphan', sourceVolumeId: id }, signal());
    orphans.push(join(at.poolPath('subvolumes'), 'snapshots', at.catalog.snapshot(snapshot.id)?.folder ?? ''));
    await rm(recordOf('subvolumes', 'snapshots', snapshot.id));
    const trash = join(at.poolPath('folders'), '.stowage', 'trash', 'left');
    await mkdir(join(trash, 'deep'), { recursive: true });
    await symlink('/etc', join(trash, 'deep', 'link'));
    orphans.push(trash);

    const dry = await gc();
    expect(dry.exitCode).toBe(2);
    for (const path of orphans) expect(dry.output).toMatch(new RegExp(`${path} +data without a record$`, 'm'));
    for (const path of orphans) await access(path);

    await at.stop(); // a driver would still know the records that were removed by hand
    const { exitCode, output } = await gc('--remove');
    for (const path of orphans) expect(output).toMatch(new RegExp(`${path} +data without a record: removed$`, 'm'));
    expect(exitCode).toBe(0);
    for (const path of orphans) await expect(access(path)).rejects.toThrow();
    for (const path of kept.keys()) await access(path);
    await access('/etc/passwd');
    expect(await gc()).toEqual(NOTHING_FOUND);
    await at.restart();
  }, 60_000);

  it('leaves what is in use, what the next start removes, and names that are not ours', async () => {
    const { id } = await at.create('used', { parameters: { pool: 'images' } });
    await at.stage(id);
    const image = dataOf('images', id);
    const bound = join(at.poolPath('folders'), 'volumes', 'bound');
    const target = join(at.folder, 'bound');
    const odd = join(at.poolPath('images'), 'volumes', 'odd.txt');
    const temporary = join(at.poolPath('folders'), '.stowage', 'tmp', 'half');
    for (const folder of [bound, target, temporary]) await mkdir(folder, { recursive: true });
    await writeFile(odd, 'x');
    await run('mount', ['--bind', bound, target]);
    await rm(recordOf('images', 'volumes', id));
    await at.stop();
    const { exitCode, output } = await gc('--remove');
    expect(exitCode).toBe(2);
    expect(output).toMatch(new RegExp(`${image} .*stays: it is in use at ${at.stagingPath(id)}`, 'm'));
    expect(output).toMatch(new RegExp(`${bound} .*stays: it is in use at ${target}`, 'm'));
    expect(output).toMatch(new RegExp(`${temporary} .*stays: the driver's next start`, 'm'));
    expect(output).toMatch(new RegExp(`${odd} .*stays: this is no name of ours`, 'm'));
    for (const path of [image, bound, odd, temporary]) await access(path);
    await run('umount', [target]);
    await rm(odd);
  });

  it('removes nothing where a record cannot be read, since the data may be its own', async () => {
    const { id } = await at.create('damaged', { parameters: { pool: 'images' } });
    const image = dataOf('images', id);
    await writeFile(recordOf('images', 'volumes', id), '{');
    const stray = join(at.poolPath('folders'), 'volumes', 'stray');
    await mkdir(stray);
    await at.stop();
    const { exitCode, output } = await gc('--remove');
    expect(exitCode).toBe(2);
    expect(output).toMatch(new RegExp(`${image} .*stays: a record of this pool cannot be read`, 'm'));
    await access(image);
    expect(output).toMatch(new RegExp(`${stray} +data without a record: removed$`, 'm'));
  });

  it.each(['images', 'folders', 'subvolumes'])(
    'finds nothing in what was made and deleted while it looked, in %s',
    async (name) => {
      const look = () => inspect(['--config', config, '--node-id', 'node-1'], '');
      const poolOf = ({ pools }: Inspection) => pools.find((pool) => pool.name === name) ?? fail(`no pool ${name}`);
      const before = await look(); // of the records: the volume is made and deleted after that
      const first = await at.create('brief', { parameters: { pool: name } });
      const [seen = fail('nothing seen'), ...others] = await straysOf(before, poolOf(before));
      expect(others).toEqual([]);
      await at.service.deleteVolume({ volumeId: first.id }, signal());
      await at.driver.idle();
      const after = await look();
      expect(await isStillStray(after, poolOf(after), seen)).toBe(false);
    },
  );

  it('removes nothing of what a running driver makes and deletes meanwhile', async () => {
    let isDone = false;
    const kept = new Set<string>(); // of each pool
    const working = (async () => {
      for (let round = 0; !isDone; round++) {
        kept.add(`${round % 4}`);
        for (const pool of NAMES) {
          const { id } = await at.create(`kept-${pool}-${round % 4}`, { parameters: { pool }, sizeBytes: 16 * MIB });
          const gone = await at.create(`gone-${pool}-${round}`, { parameters: { pool }, sizeBytes: 16 * MIB });
          await at.service.deleteVolume({ volumeId: gone.id }, signal());
          await access(dataOf(pool, id));
        }
      }
    })();
    for (let times = 0; times < 4; times++) expect((await gc('--remove')).output).not.toMatch(/: removed$/m);
    isDone = true;
    await working;
    await at.driver.idle();
    for (const pool of NAMES) expect((await readdir(join(at.poolPath(pool), 'volumes'))).length).toBe(kept.size);
  }, 60_000);

  it('needs to know the node', async () => {
    await mkdir(join(at.poolPath('folders'), 'volumes', 'stray'));
    const nameless = execFile(process.execPath, [SCRIPT, 'gc', '--remove', '--config', config], { env: {} });
    const code = await new Promise((settle) => nameless.once('exit', settle));
    expect(code).toBe(1);
    await access(join(at.poolPath('folders'), 'volumes', 'stray'));
  });
});

describe('gc on whole disks', () => {
  let disks: TestDisks;

  beforeEach(async () => {
    disks = await makeDisks('raw', 2, 32 * MIB);
    const devices = [0, 1].map((index) => join(disks.folder, `disk-${index}`));
    at = await makeDriver({ pools: [{ name: 'disks', kind: 'folder', config: { backend: 'disk', devices } }] });
    await writeConfig();
  }, 60_000);
  afterEach(async () => {
    await at?.cleanup();
    await disks?.cleanup();
  }, 30_000);

  /** Takes the disk of a volume away. @returns how to bring it back */
  async function takeAway(volumeId: string): Promise<{ link: string; bringBack: () => Promise<void> }> {
    const layout = at.catalog.volume(volumeId)?.layout;
    const disk = layout?.backend === 'disk' ? layout.disk : fail('no volume on a disk');
    const link = [0, 1].map((index) => join(disks.folder, `disk-${index}`)).find((path) => disk.includes(path)) ?? '';
    const device = await readlink(link);
    await rm(link);
    return { link, bringBack: () => symlink(device, link) };
  }

  it('says where it could not look, and what to do, and does nothing', async () => {
    const { id } = await at.create('away');
    await at.create('there');
    expect(await gc()).toEqual(NOTHING_FOUND);
    const { link, bringBack } = await takeAway(id);
    for (const args of [[], ['--remove']]) {
      const { exitCode, output } = await gc(...args);
      expect(exitCode).toBe(2);
      expect(output).toMatch(
        new RegExp(`record ${id} \\(ready\\): its data could not be looked at: .*${link}.*bring it back`),
      );
      expect(output.trim().split('\n')).toHaveLength(2); // the heading, and nothing of the other volume
    }
    await bringBack();
    expect(await gc()).toEqual(NOTHING_FOUND);
  });

  it('says the same of one that was deleted and cannot be wiped', async () => {
    const { id } = await at.create('away');
    const { folder = '' } = at.catalog.volume(id) ?? {};
    const { bringBack } = await takeAway(id);
    await at.service.deleteVolume({ volumeId: id }, signal());
    await at.stop(); // it would wipe the disk as soon as that is back
    const claim = join(at.poolPath('disks'), '.stowage', 'trash', `${folder}.disk`);
    const { exitCode, output } = await gc('--remove');
    expect(exitCode).toBe(2);
    expect(output).toMatch(
      new RegExp(`record ${id} \\(deleting\\): its data could not be looked at: .*gone for good, remove ${claim}`),
    );
    await access(claim);
    await bringBack();
    expect(await gc()).toEqual(NOTHING_FOUND);
    await at.restart();
  });
});
