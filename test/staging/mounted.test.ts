import { describe, expect, it } from '@jest/globals';
import type { MountEntry, MountTable } from '../../src/host/mounts.ts';
import { splitFlags } from '../../src/staging/flags.ts';
import { isMountOf, type MountMark, mountsOf, placeOf } from '../../src/staging/mounted.ts';
import { hasFlags } from '../../src/staging/publish.ts';

function mount(device: string, root: string, mountPoint: string, options = ['rw']): MountEntry {
  return { id: 1, parentId: 0, device, root, mountPoint, options, fsType: 'xfs', source: 'x', superOptions: ['rw'] };
}

function tableOf(...entries: MountEntry[]): MountTable {
  const depth = (path: string) => (path === '/' ? '' : path);
  return {
    entries,
    at: (path) => entries.findLast(({ mountPoint }) => mountPoint === path),
    containing(path) {
      const above = entries.filter(({ mountPoint }) => `${path}/`.startsWith(`${depth(mountPoint)}/`));
      const found = above.reduce((best, entry) => (entry.mountPoint.length >= best.mountPoint.length ? entry : best));
      return found;
    },
  };
}

describe('the place of a path', () => {
  it('is named by the file system that it lies on', () => {
    const table = tableOf(
      mount('8:1', '/', '/'),
      mount('8:16', '/', '/mnt/fast'),
      mount('8:16', '/sub/dir', '/mnt/bound'),
      mount('8:32', '/', '/mnt/fast/deeper'),
    );
    expect(placeOf(table, '/etc/x')).toEqual({ device: '8:1', root: '/etc/x' });
    expect(placeOf(table, '/mnt/fast')).toEqual({ device: '8:16', root: '/' });
    expect(placeOf(table, '/mnt/fast/volumes/a')).toEqual({ device: '8:16', root: '/volumes/a' });
    expect(placeOf(table, '/mnt/faster/a')).toEqual({ device: '8:1', root: '/mnt/faster/a' });
    expect(placeOf(table, '/mnt/bound/a')).toEqual({ device: '8:16', root: '/sub/dir/a' });
    expect(placeOf(table, '/mnt/fast/deeper/a')).toEqual({ device: '8:32', root: '/a' });
  });
});

describe('the mounts of a folder', () => {
  const mark: MountMark = { place: { device: '8:16', root: '/volumes/a' }, blockDevice: undefined };

  it('are those that show it, whole or in part, wherever', () => {
    const staged = mount('8:16', '/volumes/a', '/staging');
    const subPath = mount('8:16', '/volumes/a/sub/path', '/pod/sub');
    const others = [
      mount('8:16', '/', '/mnt/fast'),
      mount('8:16', '/volumes', '/elsewhere'),
      mount('8:16', '/volumes/ab', '/pod/other'),
      mount('8:17', '/volumes/a', '/other-disk'),
    ];
    expect(mountsOf(mark, tableOf(...others, staged, subPath))).toEqual([staged, subPath]);
    expect(isMountOf(mark, staged)).toBe(true);
    for (const entry of [...others, subPath]) expect(isMountOf(mark, entry)).toBe(false);
  });
});

describe('the mounts of a file system mounted for one volume', () => {
  const mark: MountMark = { place: { device: '0:50', root: '/' }, blockDevice: undefined, home: '/pool/volumes/a' };

  it('are all but its own', () => {
    const own = mount('0:50', '/', '/pool/volumes/a');
    const staged = mount('0:50', '/', '/staging');
    const subPath = mount('0:50', '/sub', '/pod/sub');
    expect(mountsOf(mark, tableOf(own, staged, subPath))).toEqual([staged, subPath]);
  });
});

describe('the mounts of a block device', () => {
  const mark: MountMark = { place: { device: '0:6', root: '/loop7' }, blockDevice: '7:7' };

  it('are those of the file system on it, and binds of its node', () => {
    const fileSystem = mount('7:7', '/', '/staging');
    const subPath = mount('7:7', '/sub', '/pod/sub');
    const node = mount('0:6', '/loop7', '/pod/device');
    const others = [
      mount('0:6', '/', '/dev'),
      mount('0:6', '/loop70', '/pod/other'),
      mount('7:70', '/', '/other'),
      mount('8:1', '/loop7', '/folder-of-that-name'),
    ];
    expect(mountsOf(mark, tableOf(...others, fileSystem, subPath, node))).toEqual([fileSystem, subPath, node]);
    for (const entry of [fileSystem, node]) expect(isMountOf(mark, entry)).toBe(true);
    for (const entry of [...others, subPath]) expect(isMountOf(mark, entry)).toBe(false);
  });
});

describe('mount flags', () => {
  it('are told by what they belong to', () => {
    expect(splitFlags(['ro', 'noatime', 'discard', 'defaults', 'nodiratime', 'logbufs=8', 'nosymfollow'])).toEqual({
      perMount: ['ro', 'noatime', 'nodiratime', 'nosymfollow'],
      superblock: ['discard', 'logbufs=8'],
    });
    expect(splitFlags([])).toEqual({ perMount: [], superblock: [] });
    expect(splitFlags(['RO', 'ro=1', ' ro']).perMount).toEqual([]);
  });

  it('that say read-only are compared with what is mounted', () => {
    const entry = (options: string[]) => mount('8:1', '/', '/x', options);
    expect(hasFlags(entry(['ro', 'noatime']), ['ro'])).toBe(true);
    expect(hasFlags(entry(['rw']), ['ro'])).toBe(false);
    expect(hasFlags(entry(['ro']), [])).toBe(false);
    expect(hasFlags(entry(['rw', 'relatime']), ['noexec'])).toBe(true);
  });
});
