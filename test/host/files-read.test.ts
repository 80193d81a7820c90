import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import type { TextFile } from '../../src/host/files.ts';
import { makePool } from '../support/pools.ts';
import { makeFiles, sh, useFolder } from './files-setup.ts';

const files = makeFiles();
const at = useFolder();

async function readAll(path: string, maxBytes = 100): Promise<TextFile[][]> {
  const batches: TextFile[][] = [];
  for await (const batch of files.readAll(path, '.json', maxBytes)) batches.push([...batch]);
  return batches;
}

describe('read', () => {
  it('gives the text, also of exactly maxBytes', async () => {
    await writeFile(at('a'), 'grün');
    expect(await files.read(at('a'), 5)).toBe('grün');
  });

  it('reads files whose size the kernel does not tell', async () => {
    expect(await files.read('/proc/self/comm', 64)).toMatch(/\n$/);
    expect(await files.read('/sys/kernel/mm/transparent_hugepage/hpage_pmd_size', 64)).toMatch(/^\d+\n$/);
  });

  it('is undefined where the file is missing', async () => {
    expect(await files.read(at('none'), 5)).toBeUndefined();
    expect(await files.read(at('none/deeper'), 5)).toBeUndefined();
  });

  it.each([
    ['a file past maxBytes', 'echo 123456 > "$1"', 'EFBIG'],
    ['a link', 'ln -s /etc/passwd "$1"', 'ELOOP'],
    ['a folder', 'mkdir "$1"', 'EISDIR'],
    ['a fifo, without waiting for it,', 'mkfifo "$1"', 'EINVAL'],
  ])('refuses %s', async (_, make, code) => {
    await sh(make, at('thing'));
    await expect(files.read(at('thing'), 5)).rejects.toMatchObject({ code });
  });
});

describe('readAll', () => {
  it('gives regular files with the suffix, and no text where one is too large', async () => {
    await writeFile(at('a.json'), '{}');
    await writeFile(at('b.json'), 'x'.repeat(100));
    await writeFile(at('c.json'), 'x'.repeat(101));
    await writeFile(at('d.txt'), '');
    await writeFile(at('.a.json.0123456789ab.tmp'), 'half');
    await symlink('/etc/passwd', at('link.json'));
    await mkdir(at('folder.json'));
    await sh('mkfifo "$1"', at('fifo.json'));
    const found = (await readAll(at(''))).flat().sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(found).toEqual([
      { name: 'a.json', text: '{}' },
      { name: 'b.json', text: 'x'.repeat(100) },
      { name: 'c.json', text: '' },
    ]);
  });

  it('yields batches, between which others have their turn', async () => {
    await sh('cd "$1"; for i in {1..1200}; do echo $i > $i.json; done', at(''));
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const batches: number[] = [];
    for await (const batch of files.readAll(at(''), '.json', 100)) batches.push(batch.length);
    clearInterval(timer);
    expect(batches).toEqual([500, 500, 200]);
    expect(turns).toBeGreaterThan(0);
  });

  it('is empty for a missing or empty folder', async () => {
    expect(await readAll(at('none'))).toEqual([]);
    expect(await readAll(at(''))).toEqual([]);
  });
});

describe('list and stat', () => {
  it('lists names in order, none for a missing folder', async () => {
    await writeFile(at('b'), '');
    await mkdir(at('a'));
    expect(await files.list(at(''))).toEqual(['a', 'b']);
    expect(await files.list(at('none'))).toEqual([]);
  });

  it('tells what lies there, without following a link', async () => {
    await sh(
      'cd "$1"; echo hi > file; truncate -s 1000000 file; chown 12:34 file; chmod 4750 file; mkfifo fifo; ln -s file link; mknod block b 7 300',
      at(''),
    );
    const [device, inode, blocks, modified] = (await sh('stat -c "%d %i %b %Y" "$1"', at('file')))
      .split(' ')
      .map(Number);
    const stat = await files.stat(at('file'));
    expect(stat).toMatchObject({ type: 'file', mode: 0o4750, uid: 12, gid: 34, sizeBytes: 1_000_000, device, inode });
    expect(stat?.allocatedBytes).toBe((blocks ?? 0) * 512);
    expect(Math.floor((stat?.modifiedAtMs ?? 0) / 1000)).toBe(modified);
    expect(await files.stat(at('link'))).toMatchObject({ type: 'link' });
    expect(await files.stat(at('fifo'))).toMatchObject({ type: 'fifo' });
    expect(await files.stat(at(''))).toMatchObject({ type: 'folder' });
    expect(await files.stat('/dev/null')).toMatchObject({ type: 'character', rdev: 0x103 });
    expect(await files.stat(at('block'))).toMatchObject({
      type: 'block',
      rdev: Number(await sh('stat -c %r "$1"', at('block'))),
    });
    expect(await files.stat(at('none'))).toBeUndefined();
    expect(await files.stat(at('file/none'))).toBeUndefined();
  });
});

describe('statfs', () => {
  it.each(['ext4', 'xfs', 'btrfs'] as const)('knows %s and counts as stat(1) does', async (kind) => {
    const disk = await makePool(kind);
    try {
      const { type, totalBytes, freeBytes, availableBytes, totalInodes, freeInodes } = await files.statfs(disk.path);
      expect(type).toBe(kind === 'ext4' ? 'ext' : kind);
      const numbers = (await sh('stat -f -c "%S %b %f %a %c %d" "$1"', disk.path)).split(' ').map(Number);
      const [unit = 0, total = 0, free = 0, available = 0, ...inodes] = numbers;
      expect([totalBytes, freeBytes, availableBytes]).toEqual([total * unit, free * unit, available * unit]);
      expect([totalInodes, freeInodes]).toEqual(inodes);
    } finally {
      await disk.cleanup();
    }
  });

  it('knows tmpfs, and no type for proc', async () => {
    expect((await files.statfs('/dev/shm')).type).toBe('tmpfs');
    expect((await files.statfs('/proc')).type).toBe('other');
  });
});
