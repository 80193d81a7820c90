import { describe, expect, it } from '@jest/globals';
import { remountFlags } from '../../src/host/mount-flags.ts';
import { createMountTableReader, parseMountEntry, parseMountTable } from '../../src/host/mountinfo.ts';

const ROOT = '21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw';

describe('parseMountEntry', () => {
  it('reads every field, with any number of optional fields', () => {
    expect(
      parseMountEntry(
        '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue',
      ),
    ).toEqual({
      id: 36,
      parentId: 35,
      device: '98:0',
      root: '/mnt1',
      mountPoint: '/mnt2',
      options: ['rw', 'noatime'],
      fsType: 'ext3',
      source: '/dev/root',
      superOptions: ['rw', 'errors=continue'],
    });
    expect(parseMountEntry('36 35 0:5 / /mnt rw - tmpfs none rw')).toMatchObject({ fsType: 'tmpfs', source: 'none' });
  });

  it('resolves octal escapes', () => {
    const entry = parseMountEntry('36 35 0:5 /a\\040b /m\\011t\\012n\\134b rw - tmpfs a\\043\\040b rw');
    expect(entry).toMatchObject({ root: '/a b', mountPoint: '/m\tt\nn\\b', source: 'a# b' });
    expect(parseMountEntry('36 35 0:5 / /a\\134040 rw - tmpfs none rw').mountPoint).toBe('/a\\040');
  });

  it('keeps an empty source empty', () => {
    expect(parseMountEntry('36 35 0:5 / /mnt rw - tmpfs  rw,size=4k')).toMatchObject({
      source: '',
      superOptions: ['rw', 'size=4k'],
    });
  });

  it('refuses a line of another form', () => {
    expect(() => parseMountEntry('tmpfs /mnt tmpfs rw 0 0')).toThrow(/documented form/);
    expect(() => parseMountEntry('36 35 0:5 / /mnt rw - tmpfs')).toThrow(/documented form/);
  });
});

describe('parseMountTable', () => {
  const table = parseMountTable(
    [
      ROOT,
      '30 21 0:30 / /a rw - tmpfs lower rw',
      '31 30 0:31 / /a rw - tmpfs upper rw',
      '40 41 0:40 / /b rw - tmpfs cloned-early-attached-late rw',
      '41 21 0:41 / /b rw - tmpfs beneath rw',
      '50 31 0:50 / /a/c\\040d rw - tmpfs inner rw',
      '',
    ].join('\n'),
  );

  it('answers at() with the topmost mount, whatever the order of the lines', () => {
    expect(table.entries).toHaveLength(6);
    expect(table.at('/a')?.source).toBe('upper');
    expect(table.at('/a/')?.source).toBe('upper');
    expect(table.at('/b')?.source).toBe('cloned-early-attached-late');
    expect(table.at('/a/c d')?.source).toBe('inner');
    expect(table.at('/a/c')).toBeUndefined();
  });

  it('answers containing() with the nearest mount above, by whole path parts', () => {
    expect(table.containing('/a/c d/e/f').source).toBe('inner');
    expect(table.containing('/a/c d').source).toBe('inner');
    expect(table.containing('/a/c de').source).toBe('upper');
    expect(table.containing('/ab').id).toBe(21);
    expect(table.containing('/').id).toBe(21);
  });

  it('refuses relative paths, and a table without a root', () => {
    expect(() => table.at('a')).toThrow(/absolute/);
    expect(() => parseMountTable('').containing('/a')).toThrow(/not even the root/);
  });
});

describe('createMountTableReader', () => {
  it('knows the file systems of this process', () => {
    expect(createMountTableReader().read().at('/proc')?.fsType).toBe('proc');
  });
});

describe('remountFlags', () => {
  it('keeps what the mount has and changes what is named', () => {
    expect(remountFlags(['rw', 'nosuid', 'relatime'], ['ro'])).toBe(0x200003);
    expect(remountFlags(['ro', 'nosuid', 'nodev', 'noexec', 'noatime'], ['rw', 'suid'])).toBe(0x40c);
    expect(remountFlags(['rw'], ['nodiratime', 'nosymfollow'])).toBe(0x1000900); // no name: strictatime
    expect(remountFlags(['rw', 'noatime'], ['relatime'])).toBe(0x200000);
    expect(remountFlags(['rw', 'relatime'], ['ro', 'rw', 'noatime', 'strictatime'])).toBe(0x1000000);
  });
});
