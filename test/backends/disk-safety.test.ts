import { execFile } from 'node:child_process';
import { mkdir, readFile, readlink, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Backend, Item, Wish } from '../../src/backends/backend.ts';
import { createBackend } from '../../src/backends/registry.ts';
import type { Host } from '../../src/host/host.ts';
import { createHost } from '../../src/host/system.ts';
import { makeDisks, type TestDisks } from '../support/pools.ts';
import { diskConfig } from './configs.ts';
import { signal } from './workbench.ts';

const run = promisify(execFile);
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const BLOCK: Wish['access'] = { type: 'block' };
const MOUNT: Wish['access'] = { type: 'mount', fsType: undefined };

let disks: TestDisks | undefined;
afterEach(async () => {
  await disks?.cleanup();
  disks = undefined;
});

interface Bench extends TestDisks {
  readonly backend: Backend;
  readonly problems: Map<string, string>; // that were logged, by disk
  readonly restarted: (host?: Host) => Backend;
  readonly plan: (wish?: Partial<Wish>, items?: readonly Item[]) => ReturnType<Backend['plan']>;
  readonly volume: (wish?: Partial<Wish>, items?: readonly Item[]) => Promise<Item>;
}

async function setUp(
  kind: 'raw' | 'xfs',
  count: number,
  sizeBytes: number,
  change: Partial<Parameters<typeof diskConfig>[1]> = {},
): Promise<Bench> {
  const made = await makeDisks(kind, count, sizeBytes);
  disks = made;
  const problems = new Map<string, string>();
  const keep = (fields: object) => {
    if ('disk' in fields && 'problem' in fields) problems.set(String(fields.disk), String(fields.problem));
  };
  const log = { info: keep, warn: keep, error: keep };
  const config = diskConfig(made.path, { discovery: made.folder, ...change });
  const restarted = (host = createHost()) => createBackend(config, { host, log });
  const backend = restarted();
  const plan: Bench['plan'] = (wish = {}, items = []) =>
    backend.plan({ requiredBytes: 0, limitBytes: undefined, access: BLOCK, source: undefined, ...wish }, () => items);
  let count_ = 0;
  const volume: Bench['volume'] = async (wish, items) => {
    const chosen = await plan(wish, items);
    const name = `v-${count_++}`;
    const item: Item = { kind: 'volume', id: name, folder: name, reservedBytes: chosen.sizeBytes, ...chosen };
    await backend.create(item, undefined, signal());
    return item;
  };
  return { ...made, backend, problems, restarted, plan, volume };
}

/** A host one of whose commands fails, and every one after it: as if the process had died there. */
function dyingHost(dies: (program: string, args: readonly string[]) => boolean) {
  const host = createHost();
  const commands: string[] = [];
  let dead = false;
  const dying: Host = {
    ...host,
    commands: {
      async run(program, args, options) {
        commands.push([program, ...args].join(' '));
        dead ||= dies(program, args);
        if (dead) throw new Error('dead');
        return host.commands.run(program, args, options);
      },
    },
  };
  return { host: dying, commands };
}

async function writePattern(device: string, sizeBytes: number): Promise<void> {
  for (const offset of [0, Math.floor(sizeBytes / 2 / MIB) * MIB, sizeBytes - MIB]) {
    const place = `oflag=seek_bytes seek=${offset} bs=1M count=1 conv=notrunc,fsync status=none`.split(' ');
    await run('sh', ['-c', 'tr "\\0" p < /dev/zero | dd iflag=fullblock "$@"', 'sh', `of=${device}`, ...place]);
  }
}

/** A master boot record with one partition of Linux. */
function partitionTable(): Buffer {
  const sector = Buffer.alloc(512);
  sector[450] = 0x83;
  sector.writeUInt32LE(2048, 454);
  sector.writeUInt32LE(4096, 458);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** True if all of it reads as zeros. */
async function isZero(device: string, sizeBytes: number): Promise<boolean> {
  await run('blockdev', ['--flushbufs', device]);
  const same = await run('cmp', ['-n', String(sizeBytes), device, '/dev/zero']).catch(() => undefined);
  return same !== undefined;
}

async function remove(backend: Backend, item: Item): Promise<void> {
  await backend.discard(item);
  await backend.purge(item, signal());
}

describe('the choice of a disk', () => {
  it('is the smallest that fits, among those that are there now', async () => {
    const { add, plan, volume, backend, folder } = await setUp('raw', 0, 0);
    await expect(plan()).rejects.toMatchObject({ code: 'exhausted' });
    await add('large', 96 * MIB);
    await add('small', 32 * MIB);
    await add('middle', 64 * MIB);
    const first = await volume({ requiredBytes: 33 * MIB });
    expect(first.sizeBytes).toBe(64 * MIB);
    expect((await plan({ requiredBytes: 33 * MIB }, [first])).sizeBytes).toBe(96 * MIB);
    const large = plan({ requiredBytes: 97 * MIB });
    await expect(large).rejects.toMatchObject({
      code: 'exhausted',
      message: expect.stringContaining(String(96 * MIB)),
    });
    await expect(plan({ limitBytes: 31 * MIB })).rejects.toMatchObject({ code: 'out-of-range' });
    const tight = plan({ requiredBytes: 33 * MIB, limitBytes: 64 * MIB }, [first]);
    await expect(tight).rejects.toMatchObject({ code: 'exhausted' }); // the one that fits is taken
    expect(await backend.capacity([first])).toEqual({
      totalBytes: 192 * MIB,
      freeBytes: 128 * MIB,
      usedByVolumesBytes: undefined,
      largestBytes: 96 * MIB,
    });
    // Another name of the same disk does not make it free.
    await symlink(await readlink(join(folder, 'middle')), join(folder, 'a-second-name'));
    expect((await plan({ requiredBytes: 33 * MIB }, [first])).sizeBytes).toBe(96 * MIB);
    // Nor does a record that cannot be read.
    expect((await plan({ requiredBytes: 33 * MIB }, [])).sizeBytes).toBe(96 * MIB);
  });

  it('takes file systems for mount access and raw disks for block access', async () => {
    const { add, plan, volume, backend } = await setUp('xfs', 0, 0);
    await add('disk', 320 * MIB);
    await expect(plan({ access: BLOCK })).rejects.toMatchObject({ code: 'exhausted' });
    await expect(plan({ access: { type: 'mount', fsType: 'ext4' } })).rejects.toMatchObject({ code: 'exhausted' });
    const item = await volume({ access: { type: 'mount', fsType: 'xfs' } });
    expect(item.layout).toMatchObject({ content: { type: 'folder' } });
    expect(await backend.open(item, signal())).toMatchObject({ type: 'folder' });
  });

  it('leaves alone what is not blank or not free, and says why', async () => {
    const { add, plan, folder, problems, backend } = await setUp('raw', 0, 0, { devices: ['/dev/loop-control'] });
    const signature = await add('signature', 32 * MIB);
    await run('mkfs.ext4', ['-q', signature]);
    const table = await add('table', 32 * MIB);
    await writeFile(table, partitionTable(), { flag: 'r+', flush: true });
    const data = await add('data', 32 * MIB);
    await writeFile(data, Buffer.from('a database'), { flag: 'r+', flush: true });
    const mounted = await add('mounted', 32 * MIB);
    await run('mkfs.ext4', ['-q', mounted]);
    await mkdir(join(folder, '..', 'elsewhere'));
    await run('mount', [mounted, join(folder, '..', 'elsewhere')]);
    await mkdir(join(folder, 'unmounted'));
    await symlink('/dev/nothing', join(folder, 'dangling'));
    await symlink('/dev/null', join(folder, 'null'));
    await expect(plan()).rejects.toMatchObject({ code: 'exhausted', message: expect.stringContaining('ext4') });
    expect((await backend.capacity([])).freeBytes).toBe(0);
    const expected: [string, RegExp][] = [
      [signature, /not blank: it holds ext4/],
      [table, /not blank: it holds dos/],
      [data, /holds data at byte 0/],
      [mounted, /in use at .*elsewhere/],
      [join(folder, 'unmounted'), /no file system is mounted/],
      [join(folder, 'dangling'), /leads to no disk/],
      [join(folder, 'null'), /no block device/],
    ];
    for (const [name, reason] of expected) expect(problems.get(name)).toMatch(reason);
    expect((await run('blkid', ['-p', '-o', 'value', '-s', 'TYPE', signature])).stdout.trim()).toBe('ext4');
    expect((await readFile(data)).subarray(0, 10).toString()).toBe('a database');
  });

  it('refuses names that another disk may have after a restart', async () => {
    const { add, folder } = await setUp('raw', 0, 0);
    const device = await readlink(await add('disk', 32 * MIB));
    await unlink(join(folder, 'disk'));
    const log: object[] = [];
    const keep = (fields: object) => void log.push(fields);
    const config = diskConfig(disks?.path ?? '', { devices: [device] });
    const backend = createBackend(config, { host: createHost(), log: { info: keep, warn: keep, error: keep } });
    expect(await backend.capacity([])).toMatchObject({ totalBytes: 0 });
    expect(log).toEqual([
      expect.objectContaining({ disk: device, problem: expect.stringContaining('/dev/disk/by-id') }),
    ]);
  });

  it('leaves file systems alone that hold something or are in use', async () => {
    const { add, plan, folder, problems } = await setUp('xfs', 0, 0);
    const full = await add('full', 320 * MIB);
    await writeFile(join(full, 'keep'), '');
    const used = await add('used', 320 * MIB);
    await mkdir(join(folder, '..', 'elsewhere'));
    await run('mount', ['--bind', used, join(folder, '..', 'elsewhere')]);
    const pool = await add('pool', 320 * MIB);
    await mkdir(join(pool, '.stowage'));
    await writeFile(join(pool, '.stowage', 'pool.json'), '{}');
    await expect(plan({ access: MOUNT })).rejects.toMatchObject({ code: 'exhausted' });
    expect(problems.get(full)).toContain('"keep"');
    expect(problems.get(used)).toContain('elsewhere');
    expect(problems.get(pool)).toContain('pool.json');
  });
});

describe('a disk that is not the one any more', () => {
  it('is reported as missing, kept, and found again', async () => {
    const { folder, image, backend, volume, plan } = await setUp('raw', 1, 64 * MIB);
    const item = await volume();
    const link = join(folder, 'disk-0');
    const device = await readlink(link);
    await writePattern(device, item.sizeBytes);
    await run('losetup', ['-d', device]);
    await unlink(link);
    expect(await backend.condition(item)).toContain('missing');
    await expect(backend.open(item, signal())).rejects.toMatchObject({ code: 'unavailable' });
    expect(await backend.opened(item)).toBeUndefined();
    expect(await backend.capacity([item])).toMatchObject({ totalBytes: item.sizeBytes, freeBytes: 0 });
    await backend.discard(item);
    const purge = backend.purge(item, signal());
    await expect(purge).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('v-0.disk') });
    const again = (await run('losetup', ['--show', '--find', image('disk-0')])).stdout.trim();
    await symlink(again, link);
    await expect(plan()).rejects.toMatchObject({ code: 'exhausted' }); // its claim is still there
    await backend.purge(item, signal());
    expect(await isZero(again, item.sizeBytes)).toBe(true);
    expect((await plan()).sizeBytes).toBe(item.sizeBytes);
  });

  it('is never opened, wiped or taken where another one is in its place', async () => {
    const { folder, add, backend, volume, plan, restarted } = await setUp('raw', 1, 64 * MIB);
    const item = await volume();
    const link = join(folder, 'disk-0');
    const device = await readlink(link);
    const other = await readlink(await add('other', 64 * MIB));
    await unlink(join(folder, 'other'));
    await unlink(link);
    await symlink(other, link);
    for (const each of [backend, restarted()]) {
      expect(await each.condition(item)).toContain('another disk');
      await expect(each.open(item, signal())).rejects.toMatchObject({ code: 'data-loss' });
      expect(await each.opened(item)).toBeUndefined();
    }
    await expect(plan({}, [item])).rejects.toMatchObject({ code: 'exhausted' });
    await writePattern(other, item.sizeBytes);
    await backend.discard(item);
    await expect(backend.purge(item, signal())).rejects.toMatchObject({ code: 'data-loss' });
    expect(await isZero(other, MIB)).toBe(false);
    await unlink(link);
    await symlink(device, link);
    await backend.purge(item, signal());
  });

  it('is refused where its file system was overwritten', async () => {
    const { folder, backend, volume } = await setUp('raw', 1, 64 * MIB);
    const item = await volume({ access: { type: 'mount', fsType: 'ext4' } });
    await backend.open(item, signal());
    await run('mkfs.ext4', ['-q', '-F', join(folder, 'disk-0')]);
    await expect(backend.open(item, signal())).rejects.toMatchObject({ code: 'data-loss' });
    await remove(backend, item);
  });

  it('is a file system that moved to another mount point, or is gone', async () => {
    const { folder, backend, volume, plan } = await setUp('xfs', 1, 320 * MIB);
    const item = await volume({ access: MOUNT });
    const opened = await backend.open(item, signal());
    await writeFile(join(folder, 'disk-0/volume/data'), 'kept');
    const source = (await run('findmnt', ['-n', '-o', 'SOURCE', join(folder, 'disk-0')])).stdout.trim();
    await mkdir(join(folder, 'moved'));
    await run('mount', [source, join(folder, 'moved')]);
    await run('umount', [join(folder, 'disk-0')]);
    expect(opened).toEqual({ type: 'folder', path: join(folder, 'disk-0/volume') });
    expect(await backend.open(item, signal())).toEqual({ type: 'folder', path: join(folder, 'moved/volume') });
    expect(await backend.condition(item)).toBeUndefined();
    await run('umount', [join(folder, 'moved')]);
    expect(await backend.condition(item)).toContain('missing');
    await expect(plan({ access: MOUNT }, [item])).rejects.toMatchObject({ code: 'exhausted' });
  });

  it('is kept, although wiped, where it answered with errors', async () => {
    const { backend, restarted, volume } = await setUp('raw', 1, 64 * MIB);
    const item = await volume();
    const host = createHost();
    const find: Host['disks']['find'] = async (path) => {
      const disk = await host.disks.find(path);
      return disk === undefined ? undefined : { ...disk, errorCount: 3 };
    };
    const failing = restarted({ ...host, disks: { ...host.disks, find } });
    expect(await failing.condition(item)).toContain('3 commands');
    await failing.discard(item);
    await expect(failing.purge(item, signal())).rejects.toMatchObject({ code: 'unavailable' });
    await backend.purge(item, signal());
  });
});

describe('wiping', () => {
  it.each(['discard', 'zero'] as const)('leaves nothing of a raw disk (%s)', async (wipe) => {
    const { folder, backend, volume, plan } = await setUp('raw', 1, 64 * MIB, { wipe });
    const item = await volume();
    const link = join(folder, 'disk-0');
    await writePattern(link, item.sizeBytes);
    await run('blockdev', ['--setro', link]); // as after publishing it read-only
    await remove(backend, item);
    expect(await isZero(link, item.sizeBytes)).toBe(true);
    const again = await plan({ access: { type: 'mount', fsType: 'ext4' } });
    expect(again.sizeBytes).toBe(item.sizeBytes);
  });

  it('goes on where a dead process left off', async () => {
    const sizeBytes = GIB + 64 * MIB; // two slices
    const { folder, backend, restarted, volume, plan } = await setUp('raw', 1, sizeBytes, { wipe: 'zero' });
    const item = await volume();
    const link = join(folder, 'disk-0');
    await writePattern(link, sizeBytes);
    await backend.discard(item);
    const second = `--offset ${GIB} --length ${64 * MIB}`;
    const dying = dyingHost((program, args) => program === 'blkdiscard' && args.join(' ').includes(second));
    await expect(restarted(dying.host).purge(item, signal())).rejects.toThrow('dead');
    await expect(plan()).rejects.toMatchObject({ code: 'exhausted' });
    const living = dyingHost(() => false);
    await restarted(living.host).purge(item, signal());
    const zeroed = living.commands.filter((command) => command.startsWith('blkdiscard'));
    expect(zeroed.some((command) => command.includes(second))).toBe(true);
    expect(zeroed.some((command) => command.includes(`--length ${GIB}`))).toBe(false);
    expect(await isZero(link, sizeBytes)).toBe(true);
  }, 60_000);

  it('ends at the signal, and refuses a disk that someone mounted', async () => {
    const { folder, backend, volume } = await setUp('raw', 1, 64 * MIB);
    const item = await volume();
    const link = join(folder, 'disk-0');
    await run('mkfs.ext4', ['-q', link]);
    await backend.discard(item);
    await expect(backend.purge(item, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    await mkdir(join(folder, '..', 'elsewhere'));
    await run('mount', [link, join(folder, '..', 'elsewhere')]);
    await expect(backend.purge(item, signal())).rejects.toMatchObject({ code: 'busy' });
    await run('umount', [join(folder, '..', 'elsewhere')]);
    await backend.purge(item, signal());
  });

  it('gives back a disk whose process died while it made the volume', async () => {
    const { folder, backend, restarted, plan } = await setUp('raw', 1, 64 * MIB);
    const chosen = await plan({ access: { type: 'mount', fsType: 'ext4' } });
    const item: Item = { kind: 'volume', id: 'v', folder: 'v', reservedBytes: chosen.sizeBytes, ...chosen };
    let made = false;
    const dying = dyingHost((program) => {
      const dead = made;
      made ||= program === 'mkfs.ext4';
      return dead;
    });
    dying.host.files.sync = async () => Promise.reject(new Error('dead'));
    await expect(restarted(dying.host).create(item, undefined, signal())).rejects.toThrow('dead');
    expect((await run('blkid', ['-p', '-o', 'value', '-s', 'TYPE', join(folder, 'disk-0')])).stdout.trim()).toBe(
      'ext4',
    );
    expect(await backend.exists(item)).toBe(false);
    await expect(plan()).rejects.toMatchObject({ code: 'exhausted' });
    await remove(backend, item);
    expect((await plan()).sizeBytes).toBe(item.sizeBytes);
    await backend.create(item, undefined, signal()); // and the same volume anew
    expect(await backend.exists(item)).toBe(true);
  });

  it('empties a file system, which is then taken again', async () => {
    const { folder, backend, volume, plan } = await setUp('xfs', 1, 320 * MIB);
    const item = await volume({ access: MOUNT });
    const root = join(folder, 'disk-0');
    await writeFile(join(root, 'volume/secret'), 'secret');
    await run('chattr', ['+i', join(root, 'volume/secret')]);
    await mkdir(join(folder, '..', 'elsewhere'));
    await run('mount', ['--bind', join(root, 'volume'), join(folder, '..', 'elsewhere')]);
    await backend.discard(item);
    await expect(backend.purge(item, signal())).rejects.toMatchObject({ code: 'busy' });
    expect(await readFile(join(root, 'volume/secret'), 'utf8')).toBe('secret');
    await run('umount', [join(folder, '..', 'elsewhere')]);
    await backend.purge(item, signal());
    expect((await run('find', [root, '-name', 'secret'])).stdout).toBe('');
    expect((await plan({ access: MOUNT })).layout).toEqual(item.layout); // it kept its UUID
  });
});
