import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { poolsOfNode } from '../../src/config/schema.ts';
import { isStowageError, messageOf } from '../../src/errors.ts';

const IMAGE = { name: 'fast', backend: 'image', path: '/mnt/fast' };
const DISK = { name: 'disks', backend: 'disk', devices: ['/dev/disk/by-id/a'] };
const DIRECTORY = { name: 'plain', backend: 'directory', path: '/srv/plain' };

function config(change: object = {}): string {
  return stringify({ driver: 'local', pools: [IMAGE, DIRECTORY], ...change });
}

/** The message with which this config is refused. */
function refusal(text: string): string {
  try {
    parseConfig(text, 'stowage.yaml');
  } catch (error) {
    expect(isStowageError(error, 'invalid')).toBe(true);
    return messageOf(error);
  }
  throw new Error('the config was accepted');
}

describe('parseConfig', () => {
  it('fills in every default', () => {
    const shared = { overcommit: 1, requireMount: false, ephemeral: false, trashBytesPerSecond: 1024 ** 3 };
    expect(parseConfig(config(), 'stowage.yaml')).toEqual({
      driver: 'local',
      name: 'local.csi.stowage.dev',
      stateDir: '/var/lib/stowage',
      logLevel: 'info',
      maxVolumesPerNode: 0,
      controllerExpansion: true,
      controllerModify: true,
      groupController: true,
      hostPaths: [],
      callTimeoutMs: 60_000,
      pools: [
        { ...IMAGE, ...shared, fsType: 'ext4', blockSizeBytes: 4096, preallocate: false },
        {
          ...DIRECTORY,
          ...shared,
          quota: 'enforced',
          inodesPerGiB: 65_536,
          quotaScanIntervalMs: 600_000,
          folderMode: 0o777,
        },
      ],
    });
  });

  it('takes every key', () => {
    const common = { overcommit: 1.5, requireMount: true, ephemeral: true, nodes: ['node-1.example'] };
    const given = {
      driver: 'local',
      name: 'disks.example.org',
      stateDir: '/data/stowage',
      logLevel: 'debug',
      metricsAddress: '[::]:9809',
      maxVolumesPerNode: 5,
      controllerExpansion: false,
      controllerModify: false,
      groupController: false,
      hostPaths: ['/srv/shared'],
      callTimeoutMs: 1000,
      pools: [
        { ...IMAGE, ...common, fsType: 'xfs', blockSizeBytes: 512, preallocate: true, trashBytesPerSecond: 0 },
        {
          ...DIRECTORY,
          ...common,
          quota: 'advisory',
          inodesPerGiB: 0,
          quotaScanIntervalMs: 600_000,
          maxVolumeBytes: 4 * 1024 ** 3,
        },
      ],
    };
    const [image, directory] = given.pools;
    const written = { ...given, pools: [image, { ...directory, folderMode: '2770', maxVolumeBytes: '4Gi' }] };
    expect(parseConfig(stringify(written), 'stowage.yaml')).toEqual({
      ...given,
      pools: [image, { ...directory, folderMode: 0o2770, trashBytesPerSecond: 1024 ** 3 }],
    });
  });

  it('takes the NFS driver, whose pools are the shares that volumes name', () => {
    expect(parseConfig('{driver: nfs, role: node}', 'stowage.yaml')).toMatchObject({
      driver: 'nfs',
      name: 'nfs.csi.stowage.dev',
      role: 'node',
      pools: [],
      hostPaths: [],
    });
  });

  it('takes no pools', () => {
    expect(parseConfig(config({ pools: [] }), 'stowage.yaml').pools).toEqual([]);
  });

  it.each([
    [{ driver: 'nfs' }, 'pools: unknown key'],
    [{ driver: 7 }, 'driver: must be local or nfs, found 7'],
    [{ name: 'ends.with.1' }, 'name: must be a domain name'],
    [{ name: 'two..dots' }, 'name: must be a domain name'],
    [{ name: `${'a'.repeat(63)}b` }, 'name: must be a domain name'],
    [{ stateDir: 'var/lib' }, 'stateDir: must be an absolute path'],
    [{ stateDir: '/var//lib' }, 'stateDir: must be an absolute path'],
    [{ stateDir: '/var/lib/' }, 'stateDir: must be an absolute path'],
    [{ stateDir: '/var/../lib' }, 'stateDir: must be an absolute path'],
    [{ stateDir: '/' }, 'stateDir: must be an absolute path'],
    [{ stateDir: '/a\u0000b' }, 'stateDir: must be an absolute path'],
    [{ stateDir: `/${'ä'.repeat(300)}` }, 'stateDir: must be an absolute path'],
    [{ logLevel: 'loud' }, 'logLevel: must be trace, debug, info, warn, error or silent, found "loud"'],
    [{ metricsAddress: '127.0.0.1:65536' }, 'metricsAddress: must be host:port'],
    [{ metricsAddress: null }, 'metricsAddress: must be host:port, such as 127.0.0.1:9809 or [::]:9809, found null'],
    [{ maxVolumesPerNode: 10_001 }, 'maxVolumesPerNode: must be an integer from 0 to 10000, found 10001'],
    [{ maxVolumesPerNode: 1.5 }, 'maxVolumesPerNode: must be an integer'],
    [{ callTimeoutMs: 999 }, 'callTimeoutMs: must be an integer from 1000 to 3600000'],
    [{ controllerExpansion: 'yes' }, 'controllerExpansion: must be true or false, found "yes"'],
    [{ hostPaths: '/srv' }, 'hostPaths: must be a list'],
    [
      { hostPaths: Array.from({ length: 101 }, (_, i) => `/srv/${i}`) },
      'hostPaths: must be a list of 0 to 100 entries',
    ],
    [{ pools: { a: 1 } }, 'pools: must be a list of 0 to 1000 entries, found a mapping'],
    [{ pools: [3] }, 'pools[0]: must be a mapping of keys to values, found 3'],
    [{ pools: [{}] }, 'pools[0].backend: is missing; it must be image, directory, btrfs, lvm, disk or memory'],
    [{ pools: [{ backend: 'lvm' }] }, 'pools[0].volumeGroup: is missing; it must be a name of LVM'],
    [{ pools: [{ backend: 'lvm', volumeGroup: '-a' }] }, 'pools[0].volumeGroup: must be a name of LVM'],
    [{ pools: [{ backend: 'memory', name: 'a' }] }, 'pools[0].size: is missing'],
    [
      { pools: [{ backend: 'zfs' }] },
      'pools[0].backend: must be image, directory, btrfs, lvm, disk or memory, found "zfs"',
    ],
    [{ pools: [{ backend: 'image', path: '/a' }] }, 'pools[0].name: is missing; it must be at most 63 characters'],
    [{ pools: [{ backend: 'image', name: 'a' }] }, 'pools[0].path: is missing; it must be an absolute path'],
    [{ pools: [{ ...IMAGE, name: '../fast' }] }, 'pools[0].name: must be at most 63 characters'],
    [{ pools: [{ ...IMAGE, overcommit: 0 }] }, 'pools[0].overcommit: must be a number from 0.1 to 100, found 0'],
    [{ pools: [{ ...IMAGE, nodes: [] }] }, 'pools[0].nodes: must be a list of 1 to 10000 entries, found an empty list'],
    [{ pools: [{ ...IMAGE, nodes: [''] }] }, "pools[0].nodes[0]: must be a node's name"],
    [{ pools: [{ ...IMAGE, fsType: 'btrfs' }] }, 'pools[0].fsType: must be ext4 or xfs, found "btrfs"'],
    [{ pools: [{ ...IMAGE, blockSizeBytes: 1024 }] }, 'pools[0].blockSizeBytes: must be 512 or 4096, found 1024'],
    [{ pools: [{ ...IMAGE, maxVolumeBytes: '10GiB' }] }, 'pools[0].maxVolumeBytes: must be a size in bytes'],
    [{ pools: [{ ...IMAGE, maxVolumeBytes: 0 }] }, 'pools[0].maxVolumeBytes: must be a size in bytes'],
    [{ pools: [{ ...IMAGE, trashBytesPerSecond: true }] }, 'pools[0].trashBytesPerSecond: must be a size in bytes'],
    [{ pools: [{ ...DIRECTORY, folderMode: 770 }] }, 'pools[0].folderMode: must be permission bits as a string'],
    [{ pools: [{ ...DIRECTORY, folderMode: '0778' }] }, 'pools[0].folderMode: must be permission bits as a string'],
  ])('refuses %j', (change, message) => {
    expect(refusal(config(change))).toContain(`\n  ${message}`);
  });

  it.each([
    [{ stateDri: 1 }, 'stateDri: unknown key, did you mean `stateDir`?'],
    [{ colour: 1 }, 'colour: unknown key, known are driver, name,'],
    [{ pools: [IMAGE, { ...DIRECTORY, quoat: 1 }] }, 'pools[1].quoat: unknown key, did you mean `quota`?'],
    [
      { pools: [{ ...IMAGE, quota: 'advisory' }] },
      'pools[0].quota: only pools of backend directory or btrfs have this key',
    ],
    [{ constructor: 1 }, 'constructor: unknown key'],
    [{ 'a\u001b[2J': 1 }, '"a\\u001b[2J": unknown key'],
  ])('names the unknown key of %j', (change, message) => {
    expect(refusal(config(change))).toContain(`\n  ${message}`);
  });

  it('lists every problem at once', () => {
    const message = refusal(config({ logLevel: 1, callTimeoutMs: 1, pools: [{ ...IMAGE, fsType: 1, path: 1 }] }));
    for (const key of ['logLevel', 'callTimeoutMs', 'pools[0].fsType', 'pools[0].path'])
      expect(message).toContain(`  ${key}: `);
    expect(message).toContain('config stowage.yaml is not valid');
  });

  it.each([
    [{ pools: [IMAGE, { ...DIRECTORY, name: 'fast' }] }, 'pools[1].name: fast is the name of pools[0] too'],
    [{ pools: [IMAGE, { ...DIRECTORY, path: '/mnt/fast' }] }, 'pools[1].path: /mnt/fast is pools[0].path too'],
    [{ pools: [IMAGE, { ...DIRECTORY, path: '/mnt/fast/a' }] }, 'pools[1].path: /mnt/fast/a lies in pools[0].path'],
    [{ pools: [IMAGE, { ...DIRECTORY, path: '/mnt' }] }, 'pools[1].path: /mnt holds pools[0].path (/mnt/fast)'],
    [{ stateDir: '/mnt/fast/state' }, 'stateDir: /mnt/fast/state lies in pools[0].path'],
    [{ hostPaths: ['/mnt'] }, 'hostPaths[0]: /mnt holds pools[0].path'],
    [{ pools: [{ ...DISK, overcommit: 2 }] }, 'pools[0].overcommit: must be 1 for whole disks, found 2'],
    [{ pools: [{ name: 'disks', backend: 'disk' }] }, 'pools[0].devices: a pool of disks needs devices'],
    [{ pools: [DISK, { ...DISK, name: 'b' }] }, 'pools[1].devices: /dev/disk/by-id/a is a disk of pools[0] too'],
    [{ pools: [IMAGE, { ...DISK, discovery: '/mnt' }] }, 'pools[1].discovery: /mnt holds pools[0].path (/mnt/fast)'],
    [{ hostPaths: ['/var'] }, 'hostPaths[0]: /var holds stateDir'],
    [
      {
        pools: [
          { ...IMAGE, nodes: ['a', 'b'] },
          { ...IMAGE, nodes: ['b'] },
        ],
      },
      'pools[1].name: fast is the name of pools[0]',
    ],
  ])('refuses what contradicts itself: %j', (change, message) => {
    expect(refusal(config(change))).toContain(`\n  ${message}`);
  });

  it.each([
    { pools: [IMAGE, { ...DIRECTORY, path: '/mnt/fast2' }] },
    { pools: [{ ...IMAGE, path: '/var/lib/stowage/disk' }] },
    { pools: [{ ...DISK, discovery: '/mnt/disks' }], hostPaths: ['/mnt/disks'] },
    {
      pools: [
        { ...IMAGE, nodes: ['a'] },
        { ...IMAGE, nodes: ['b'] },
      ],
    },
  ])('takes places that are apart: %j', (change) => {
    expect(() => parseConfig(config(change), 'stowage.yaml')).not.toThrow();
  });

  it.each([
    ['driver: [local', 'at line 1, column'],
    ['driver: local\npools: []\npools: []', 'Map keys must be unique at line 3, column 1'],
    ['driver: !!js/function x\npools: []', 'Unresolved tag'],
    ['driver: *nowhere', 'alias'],
    ['{[1, 2]: 3}', 'keys must be strings at line 1, column'],
    ['driver: local\n---\ndriver: local', 'multiple documents'],
    ['', 'the config: must be a mapping of keys to values, found null'],
    ['- driver', 'the config: must be a mapping of keys to values, found a list of 1'],
    ['__proto__: {driver: local}\npools: []', '__proto__: unknown key'],
    ['__proto__: {driver: local}\npools: []', 'driver: is missing; it must be local'],
    ['maxVolumesPerNode: 1e400', 'maxVolumesPerNode: must be an integer from 0 to 10000, found Infinity'],
    ['maxVolumesPerNode: .nan', 'maxVolumesPerNode: must be an integer from 0 to 10000, found NaN'],
    [`x: ${'y'.repeat(1024 ** 2)}`, 'larger than 1048576 bytes'],
  ])('refuses the text %.60j', (text, message) => {
    expect(refusal(text)).toContain(message);
  });

  it('does not unfold a bomb of aliases', () => {
    const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(12).fill(`*l${i}`).join()}]`);
    expect(refusal(['l0: &l0 [x]', ...levels].join('\n'))).toMatch(/alias/i);
  });

  it('shows only the beginning of long values and lists', () => {
    const unknown = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key${i}`, 1]));
    const message = refusal(config({ logLevel: 'x'.repeat(100_000), ...unknown }));
    expect(message.length).toBeLessThan(20_000);
    expect(message).toMatch(/and \d+ more$/);
  });

  it('gives a config or one error for any value of any key', () => {
    const key = fc.constantFrom('name', 'pools', 'hostPaths', 'callTimeoutMs', 'stateDir', '__proto__', 'valueOf');
    fc.assert(
      fc.property(key, fc.jsonValue(), (name, value) => {
        try {
          parseConfig(config(Object.fromEntries([[name, value]])), 'stowage.yaml');
        } catch (error) {
          expect(isStowageError(error, 'invalid')).toBe(true);
        }
      }),
    );
  });
});

describe('loadConfig', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-config-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('reads a file', async () => {
    await writeFile(join(folder, 'good.yaml'), config());
    expect((await loadConfig(join(folder, 'good.yaml'))).pools).toHaveLength(2);
  });

  it('says which file it could not read, and why', async () => {
    const missing = loadConfig(join(folder, 'missing.yaml'));
    await expect(missing).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('ENOENT') });
    await expect(loadConfig(folder)).rejects.toMatchObject({ message: expect.stringContaining(folder) });
  });

  it('refuses huge files and other encodings', async () => {
    await writeFile(join(folder, 'huge.yaml'), '');
    await truncate(join(folder, 'huge.yaml'), 1024 ** 4);
    await expect(loadConfig(join(folder, 'huge.yaml'))).rejects.toMatchObject({
      message: expect.stringContaining('larger than'),
    });
    await writeFile(join(folder, 'latin1.yaml'), Buffer.from([0x61, 0x3a, 0x20, 0xe4]));
    await expect(loadConfig(join(folder, 'latin1.yaml'))).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('poolsOfNode', () => {
  it('keeps the pools that name the node, and those that name none', () => {
    const pools = [IMAGE, { ...DIRECTORY, nodes: ['a'] }];
    const parsed = parseConfig(config({ pools }), 'stowage.yaml');
    expect(poolsOfNode(parsed, 'a').map(({ name }) => name)).toEqual(['fast', 'plain']);
    expect(poolsOfNode(parsed, 'b').map(({ name }) => name)).toEqual(['fast']);
  });
});
