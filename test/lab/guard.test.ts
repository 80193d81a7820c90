import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Backend, GuardFinding, Item } from '../../src/backends/backend.ts';
import { createBackend } from '../../src/backends/registry.ts';
import type { Host } from '../../src/host/host.ts';
import { createHost } from '../../src/host/system.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { directoryConfig } from '../backends/configs.ts';
import { makeDriver } from '../support/driver.ts';
import { makePool, type TestPool } from '../support/pools.ts';

const run = promisify(execFile);
const MIB = 1024 ** 2;
const LAB_MS = 120_000;
const USER = 65_534; // who owns the files, and has no capability
const POLL_MS = 200;

let pool: TestPool;
let host: Host;
let backend: Backend;
const signal = () => AbortSignal.timeout(LAB_MS);

function volume(name: string, projectId: number, sizeBytes = 8 * MIB): Item {
  return {
    kind: 'volume',
    id: `stw1v-${name}`,
    folder: name,
    sizeBytes,
    reservedBytes: sizeBytes,
    layout: { backend: 'directory', projectId, inodeLimit: 0 },
  };
}

/** Each test has two volumes of its own in the same pool. */
let tests = 0;
let mine: Item;
let neighbour: Item;
let mineId: number; // their projects
let neighbourId: number;
const at = (name: 'mine' | 'neighbour', ...names: string[]) => join(pool.path, 'volumes', `${name}${tests}`, ...names);
const project = (...names: Parameters<typeof at>) => host.quotas.project(at(...names));
const usage = (projectId: number) => host.quotas.usage(pool.path, projectId);

/** Runs a shell as the pod's user: no root, no capability; the volume's folder is its working folder. Gives what it said, also where it failed. */
async function asUser(script: string, folder = at('mine'), wrapper: readonly string[] = []): Promise<string> {
  const user = [
    'setpriv',
    `--reuid=${USER}`,
    `--regid=${USER}`,
    '--clear-groups',
    '--bounding-set=-all',
    '--inh-caps=-all',
  ];
  const { stdout } = await run('sh', [
    '-c',
    'cd "$1" && shift && exec "$@" 2>&1',
    'sh',
    folder,
    ...user,
    ...wrapper,
    'sh',
    '-c',
    `${script}; true`,
  ]);
  return stdout;
}

const fill = (name: string, mebibytes: number) => `dd if=/dev/zero of=${name} bs=1M count=${mebibytes} conv=fsync`;
const chproj = (name: string, projectId = 0) => `xfs_io -r -c 'chproj ${projectId}' ${name}`;

async function guard(): Promise<readonly GuardFinding[]> {
  if (backend.guard === undefined) throw new Error('the directory backend has a guard');
  return backend.guard([mine, neighbour], signal());
}

/** A guard without memory: its first call scans. */
function restart(): void {
  backend = createBackend(directoryConfig(pool.path, 'enforced'), { host, log: createLog('silent') });
}

describe.each(['xfs-quota', 'ext4-quota'] as const)('the guard of a directory pool on %s', (kind) => {
  beforeAll(async () => {
    host = createHost();
    pool = await makePool(kind);
    await run('chmod', ['755', join(pool.path, 'volumes'), dirname(pool.path)]);
  }, LAB_MS);
  afterAll(() => pool.cleanup(), LAB_MS);
  beforeEach(async () => {
    restart();
    tests++;
    mineId = 0x40000000 + 2 * tests;
    neighbourId = mineId + 1;
    mine = volume(`mine${tests}`, mineId);
    neighbour = volume(`neighbour${tests}`, neighbourId);
    for (const item of [mine, neighbour]) await backend.create(item, undefined, signal());
  });

  it('brings back what its owner took out of the quota, and the limit holds again', async () => {
    expect(await asUser(fill('one', 6))).not.toMatch(/exceeded|No space/);
    expect(await asUser(fill('two', 6))).toMatch(/exceeded|No space/);
    await asUser(`rm two; ${chproj('one')}`);
    expect(await project('mine', 'one')).toBe(0); // it got out
    expect(await asUser(`${fill('two', 6)}; ${chproj('two')}; ${fill('three', 6)}`)).not.toMatch(/exceeded|No space/);

    const [finding, ...others] = await guard();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ item: mine, escapes: 2 });
    expect(finding?.problem).toMatch(
      /2 of its files and folders had left its quota .* such as "(one|two)" \(to project 0\); 2 were set back/,
    );
    for (const name of ['one', 'two', 'three']) expect(await project('mine', name)).toBe(mineId);
    expect((await usage(mineId)).usedBytes).toBeGreaterThanOrEqual(18 * MIB);
    expect(await asUser('dd if=/dev/zero of=four bs=4k count=1 conv=fsync')).toMatch(/exceeded|No space/);

    expect((await guard()).map(({ escapes }) => escapes)).toEqual([0]); // said until the next scan
    restart();
    expect(await guard()).toEqual([]);
    await asUser('rm one two');
    await run('sync', ['-f', pool.path]);
  });

  it('takes back what was charged to a neighbour', async () => {
    await asUser(`${fill('data', 6)}; ${chproj('data', neighbourId)}`);
    expect((await usage(neighbourId)).usedBytes).toBeGreaterThanOrEqual(6 * MIB);
    expect(await asUser(fill('theirs', 6), at('neighbour'))).toMatch(/exceeded|No space/);
    expect(await guard()).toMatchObject([{ item: mine, escapes: 1 }]);
    expect((await usage(neighbourId)).usedBytes).toBeLessThan(6 * MIB);
    await asUser(`rm -f theirs; ${fill('theirs', 6)}`, at('neighbour'));
    expect(await asUser('stat -c %s theirs', at('neighbour'))).toBe(`${6 * MIB}\n`);
  });

  it('gives folders their inheritance back, also deep ones with names that are no text', async () => {
    const deep = 'cd "$(printf \'b\\377d\\nname\')"';
    await asUser(
      `mkdir "$(printf 'b\\377d\\nname')" && ${deep} && mkdir inner && chattr -P inner && touch inner/out && touch here && ${chproj('here', 77)}`,
    );
    const [finding] = await guard();
    expect(finding).toMatchObject({ item: mine, escapes: 3 });
    expect(await asUser(`${deep} && lsattr -pd inner inner/out here`)).toMatch(
      new RegExp(`^${mineId} \\S*P\\S* inner\n${mineId} \\S+ inner/out\n${mineId} \\S+ here\n$`),
    );
  });

  it('finds what lies deeper than a path can say', async () => {
    const name = 'd'.repeat(250);
    const down = `for (1..20) { mkdir "${name}"; chdir "${name}" or die } open(my $f, ">f") or die; exec "xfs_io", "-r", "-c", "chproj 5", "f"`;
    expect(await asUser(`perl -e '${down}'`)).toBe('');
    expect(await guard()).toMatchObject([{ item: mine, escapes: 1 }]);
    await backend.discard(mine);
    await backend.purge(mine, signal());
  });

  it('notices at once where use appears that no volume has', async () => {
    expect(await guard()).toEqual([]);
    await asUser(`${fill('data', 2)}; ${chproj('data', 4711)}`);
    // The first quiet minute is the guard's own: a sign does not start a scan right after another.
    expect(await guard()).toEqual([]);
    expect((await host.quotas.usages(pool.path))?.get(4711)).toMatchObject({ limitBytes: 0, usedInodes: 1 });
  });

  it('meets no file of a neighbour by a hard link: the kernel makes none across projects', async () => {
    await writeFile(at('neighbour', 'f'), 'theirs');
    await expect(run('ln', [at('neighbour', 'f'), at('mine', 'f')])).rejects.toThrow('Invalid cross-device link');
  });

  it('opens no device or fifo, follows no link, and enters no mount', async () => {
    await run('sh', [
      '-c',
      'cd "$1" && mkfifo fifo && mknod device c 10 130 && ln -s "$2" out && mkdir mounted && mount --bind "$2" mounted',
      'sh',
      at('mine'),
      at('neighbour'),
    ]);
    await asUser('touch f', at('neighbour'));
    await run('sh', ['-c', 'chattr -p 5 "$1"', 'sh', at('neighbour', 'f')]);
    const repair = await host.quotas.repairTree(at('mine'), mineId, signal());
    expect(repair).toMatchObject({ entries: 1, repaired: 0, failed: 0 });
    expect(await project('neighbour', 'f')).toBe(5);
    await run('umount', [at('mine', 'mounted')]);
  });

  it('is led nowhere by folders that are swapped for links and mounts while it looks', async () => {
    for (let index = 0; index < 60; index++) await mkdir(at('mine', `d${index}`, 'inner'), { recursive: true });
    await mkdir(at('neighbour', 'inner'), { recursive: true });
    await writeFile(at('neighbour', 'inner', 'f'), 'theirs');
    let swaps = 0;
    let isDone = false;
    const swapping = (async () => {
      while (!isDone) {
        const name = at('mine', `d${swaps % 60}`);
        await host.mounts.bind(at('neighbour'), name, []);
        await host.mounts.detach(name);
        await rename(name, `${name}-away`);
        await symlink(at('neighbour'), name);
        await rm(name);
        await rename(`${name}-away`, name);
        swaps++;
      }
    })();
    for (let round = 0; round < 20 || swaps < 20; round++) {
      expect(await host.quotas.repairTree(at('mine'), mineId, signal())).toMatchObject({ failed: 0 });
    }
    isDone = true;
    await swapping;
    for (const names of [['inner'], ['inner', 'f']]) expect(await project('neighbour', ...names)).toBe(neighbourId);
  });

  it('says what it could not look at: a file whose owner holds a lease', async () => {
    const held = `use Fcntl; open(my $f, "+>", "leased") or die; fcntl($f, 1024, 1) or die "no lease: $!"; local $SIG{IO} = "IGNORE"; print "held\\n"; sleep 60`;
    const child = execFile(
      'setpriv',
      [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', 'perl', '-e', `$| = 1; ${held}`],
      { cwd: at('mine') },
    );
    try {
      await new Promise((resolve, reject) => {
        child.stdout?.once('data', resolve);
        child.once('exit', (code) => reject(new Error(`the holder of the lease ended with ${code}`)));
      });
      const [finding] = await guard();
      expect(finding?.problem).toContain('1 of them could not be set back');
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('is not needed for a pod in a user namespace: the kernel refuses it', async () => {
    await asUser('touch data');
    const said = await asUser(chproj('data'), at('mine'), ['unshare', '-U', '-r']);
    expect(said).toMatch(/Invalid argument|not permitted/i);
    expect(await project('mine', 'data')).toBe(mineId);
  });

  it(
    'looks through 3,000 files, ends at its signal, and leaves nothing open',
    async () => {
      await asUser('for d in 0 1 2 3 4 5 6 7 8 9; do mkdir $d; (cd $d; seq 300 | xargs touch); done');
      const before = await readdir('/proc/self/fd');
      const beganAt = performance.now();
      expect(await host.quotas.repairTree(at('mine'), mineId, signal())).toMatchObject({
        entries: 3_011,
        repaired: 0,
      });
      process.stderr.write(`${kind}: 3,000 files in ${Math.round(performance.now() - beganAt)} ms\n`);

      const abort = new AbortController();
      const cancelled = host.quotas.repairTree(at('mine'), mineId, abort.signal);
      setImmediate(() => abort.abort(new Error('stopped')));
      await expect(cancelled).rejects.toThrow('stopped');
      const after = await readdir('/proc/self/fd');
      const left = await Promise.all(
        after.filter((fd) => !before.includes(fd)).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
      );
      expect(left.filter((path) => path.startsWith(pool.path))).toEqual([]);
    },
    LAB_MS,
  );
});

it.each(['xfs-quota', 'ext4-quota'] as const)(
  'a driver on %s finds it by itself, and says so in the condition, the metric and the log',
  async (kind) => {
    const metrics = await createMetrics();
    const config = { backend: 'directory', quota: 'enforced', quotaScanIntervalMs: 0 } as const;
    const driver = await makeDriver({ pools: [{ name: 'p', kind, config }], sizeBytes: 8 * MIB, metrics });
    try {
      const publish = async (name: string) => {
        const { id } = await driver.create(name);
        await driver.stage(id);
        const { path } = await driver.publish(id, name);
        await run('chown', [`${USER}:${USER}`, path]);
        return { id, path };
      };
      const pod = await publish('pod');
      const other = await publish('other');
      const others = randomBytes(MIB);
      await writeFile(join(other.path, 'data'), others);

      const escaping = [1, 2, 3].map((n) => `${fill(`f${n}`, 6)} && ${chproj(`f${n}`)}`).join(' && ');
      expect(await asUser(escaping, pod.path)).not.toMatch(/exceeded|No space/);
      // Only now, or it would find the first file while the second is written.
      await driver.restart({ pools: [{ name: 'p', path: driver.poolPath(), ...config, quotaScanIntervalMs: 1_000 }] });
      const get = () => driver.service.getVolume({ volumeId: pod.id }, signal());
      while (!(await get()).condition.abnormal) await setTimeout(POLL_MS);

      const { condition: got } = await get();
      const list = await driver.service.listVolumes({ maxEntries: 0, startingToken: undefined }, signal());
      const condition = ({ id }: { id: string }) => list.entries.find(({ volume: { id: of } }) => of === id)?.condition;
      const request = { volumeId: pod.id, volumePath: pod.path, stagingPath: undefined };
      const stats = await driver.service.stats(request, signal());
      for (const found of [got, condition(pod), stats.condition])
        expect(found).toMatchObject({ abnormal: true, message: expect.stringContaining('had left its quota') });
      expect(condition(other)).toEqual({ abnormal: false, message: 'in order' });
      expect(await metrics.registry.metrics()).toMatch(/^stowage_quota_escapes_total\{pool="p"\} 3$/m);
      expect(await asUser(fill('more', 1), pod.path)).toMatch(/exceeded|No space/);
      expect(others.equals(await readFile(join(other.path, 'data')))).toBe(true);
    } finally {
      await driver.cleanup();
    }
  },
  LAB_MS,
);
