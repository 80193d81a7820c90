import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { inThreads } from '../../src/host/files/waiting.ts';
import { isTemporary } from '../../src/host/files.ts';
import { makePool, type TestPool } from '../support/pools.ts';
import { filesWithLateFolder, makeFiles, sh } from './files-setup.ts';

const files = makeFiles();
let pool: TestPool;
let folder: string;
const at = (name: string) => join(folder, name);
const modeOf = async (name: string) => (await stat(at(name))).mode & 0o7777;

beforeEach(async () => {
  pool = await makePool('folder');
  folder = join(pool.path, 'volumes');
});
afterEach(() => pool.cleanup());

describe('writeDurably', () => {
  it('writes and replaces, mode 0600, and leaves no temporary file', async () => {
    await files.writeDurably(at('a.json'), 'one');
    await files.writeDurably(at('a.json'), 'zwölf'.repeat(50_000));
    expect(await readFile(at('a.json'), 'utf8')).toBe('zwölf'.repeat(50_000));
    expect(await modeOf('a.json')).toBe(0o600);
    expect(await readdir(folder)).toEqual(['a.json']);
  });

  it('replaces a link rather than writing through it', async () => {
    await writeFile(at('outside'), 'untouched');
    await symlink(at('outside'), at('a.json'));
    await files.writeDurably(at('a.json'), 'new');
    expect(await readFile(at('outside'), 'utf8')).toBe('untouched');
    expect(await readFile(at('a.json'), 'utf8')).toBe('new');
  });

  it('removes its temporary file when it fails', async () => {
    await mkdir(at('a.json'));
    await expect(files.writeDurably(at('a.json'), 'x')).rejects.toMatchObject({ code: 'EISDIR' });
    expect(await readdir(folder)).toEqual(['a.json']);
    await expect(files.writeDurably(at('none/a.json'), 'x')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('leaves the old text and nothing else on a full disk', async () => {
    await sh('mount -t tmpfs -o size=64k none "$1"', folder); // the pool's cleanup unmounts it
    await files.writeDurably(at('a.json'), 'old');
    await expect(files.writeDurably(at('a.json'), 'x'.repeat(100_000))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await readdir(folder)).toEqual(['a.json']);
    expect(await readFile(at('a.json'), 'utf8')).toBe('old');
  });

  it('keeps one whole text where many write at once', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(1000 + i));
    await Promise.all(texts.map((text) => files.writeDurably(at('a.json'), text)));
    expect(texts).toContain(await readFile(at('a.json'), 'utf8'));
    expect(await readdir(folder)).toEqual(['a.json']);
  });

  it('names temporary files so that they are known again', async () => {
    expect(isTemporary('.a.json.0123456789ab.tmp')).toBe(true);
    for (const name of ['a.json', '.a.json.tmp', 'a.json.0123456789ab.tmp', '.hidden', '.a.json.0123456789ab.tmp2']) {
      expect(isTemporary(name)).toBe(false);
    }
  });
});

describe('removing', () => {
  it('removes files, and does nothing where they are missing', async () => {
    for (const remove of [files.removeDurably, files.removeFile]) {
      await writeFile(at('a'), '');
      await remove(at('a'));
      await remove(at('a'));
      expect(await readdir(folder)).toEqual([]);
    }
  });

  it('removes an empty folder only', async () => {
    await mkdir(at('f/g'), { recursive: true });
    await expect(files.removeFolder(at('f'))).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await files.removeFolder(at('f/g'));
    await files.removeFolder(at('f/g'));
    expect(await readdir(at('f'))).toEqual([]);
  });
});

describe('makeFolder', () => {
  it.each([0o700, 0o777, 0o1777, 0o2770, 0o751])('makes one with exactly mode %o', async (mode) => {
    expect(await files.makeFolder(at('f'), mode)).toBe(true);
    expect(await modeOf('f')).toBe(mode);
  });

  it('is not misled by a default ACL or setgid of the parent', async () => {
    await sh('setfacl -d -m u:12:rwx,g::rwx,o::rwx "$1"; chmod g+s "$1"', folder);
    await files.makeFolder(at('f'), 0o700);
    expect(await modeOf('f')).toBe(0o700);
  });

  it('leaves a folder that is there as it is, and refuses another thing', async () => {
    await files.makeFolder(at('f'), 0o700);
    expect(await files.makeFolder(at('f'), 0o777)).toBe(false);
    expect(await modeOf('f')).toBe(0o700);
    await writeFile(at('file'), '');
    await symlink(folder, at('link'));
    for (const name of ['file', 'link']) {
      await expect(files.makeFolder(at(name), 0o700)).rejects.toMatchObject({ code: 'EEXIST' });
    }
    await expect(files.makeFolder(at('none/f'), 0o700)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('makes its claim first, and both again where they are the same', async () => {
    const claim = { path: at('claim'), text: 'owner' };
    expect(await files.makeFolder(at('f'), 0o750, 'now', claim)).toBe(true);
    expect(await files.makeFolder(at('f'), 0o700, 'now', claim)).toBe(false);
    expect(await files.readLink(claim.path)).toBe('owner');
    expect(await modeOf('f')).toBe(0o750);
  });

  it('makes nothing where the claim is another’s, or something is there without one', async () => {
    const claim = { path: at('claim'), text: 'owner' };
    await mkdir(at('folder'));
    await symlink('nowhere', at('link'));
    for (const name of ['folder', 'link']) expect(await files.makeFolder(at(name), 0o700, 'now', claim)).toBe(false);
    expect((await readdir(folder)).sort()).toEqual(['folder', 'link']);
    await symlink('other', claim.path);
    expect(await files.makeFolder(at('f'), 0o700, 'now', claim)).toBe(false);
    expect(await files.readLink(claim.path)).toBe('other');
    expect((await readdir(folder)).sort()).toEqual(['claim', 'folder', 'link']);
    await expect(files.makeFolder(at('f'), 0o700, 'now', { path: at('folder'), text: 'x' })).rejects.toMatchObject({
      code: 'EINVAL',
    });
  });

  it('refuses a file beside its own claim from before', async () => {
    const claim = { path: at('claim'), text: 'owner' };
    await symlink('owner', claim.path);
    await writeFile(at('f'), '');
    await expect(files.makeFolder(at('f'), 0o700, 'now', claim)).rejects.toMatchObject({ code: 'EEXIST' });
    expect((await readdir(folder)).sort()).toEqual(['claim', 'f']);
  });

  it('goes on where the process died between claim and folder', async () => {
    const claim = { path: at('claim'), text: 'owner' };
    const dying = makeFiles(undefined, { ...inThreads, mkdir: () => Promise.reject(new Error('dead')) });
    await expect(dying.makeFolder(at('f'), 0o700, 'now', claim)).rejects.toThrow('dead');
    expect(await readdir(folder)).toEqual(['claim']);
    expect(await files.makeFolder(at('f'), 0o700, 'now', { ...claim, text: 'other' })).toBe(false);
    expect(await files.makeFolder(at('f'), 0o700, 'now', claim)).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(['claim', 'f']);
  });

  it('never takes for its own a folder that came when its claim was new', async () => {
    const claim = { path: at('claim'), text: 'owner' };
    const late = filesWithLateFolder(at('f'));
    await expect(late.makeFolder(at('f'), 0o700, 'now', claim)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await files.readLink(claim.path)).toBe('owner'); // for the caller to take back
  });

  it('makes whole paths with makeFolders', async () => {
    await files.makeFolders(at('a/b/c'));
    await files.makeFolders(at('a/b/c'));
    expect(await modeOf('a/b/c')).toBe(0o755);
  });
});

describe('touch', () => {
  it('makes an empty file, and leaves one that is there', async () => {
    await files.touch(at('a'));
    await writeFile(at('a'), 'kept');
    await files.touch(at('a'));
    expect(await readFile(at('a'), 'utf8')).toBe('kept');
  });

  it('does not open what is bound there', async () => {
    await sh('mkfifo "$1"', at('fifo')); // opening it for writing would fail or wait
    await files.touch(at('fifo'));
    expect(await files.stat(at('fifo'))).toMatchObject({ type: 'fifo' });
  });

  it('refuses a folder and a link', async () => {
    await mkdir(at('f'));
    await symlink(at('nowhere'), at('link'));
    for (const name of ['f', 'link']) await expect(files.touch(at(name))).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readdir(folder)).toEqual(['f', 'link']);
  });
});

describe('rename', () => {
  it('moves within a folder and between two', async () => {
    await mkdir(at('f'));
    await writeFile(at('a'), 'x');
    await files.rename(at('a'), at('b'));
    await files.rename(at('b'), at('f/c'));
    expect(await readFile(at('f/c'), 'utf8')).toBe('x');
  });

  it('never replaces what is there, and says what is missing', async () => {
    await writeFile(at('a'), 'a');
    await writeFile(at('b'), 'b');
    await expect(files.rename(at('a'), at('b'))).rejects.toMatchObject({ code: 'EEXIST', syscall: 'renameat2' });
    expect(await readFile(at('b'), 'utf8')).toBe('b');
    await expect(files.rename(at('none'), at('c'))).rejects.toMatchObject({ code: 'ENOENT', path: at('none') });
  });
});

describe('moveFolder', () => {
  it('moves a folder from one place beneath the root to another', async () => {
    await mkdir(at('from/folder'), { recursive: true });
    await mkdir(at('to'));
    expect(await files.moveFolder(folder, 'from/folder', 'to/moved')).toBe(true);
    expect(await files.moveFolder(folder, 'to/moved', 'moved')).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(['from', 'moved', 'to']);
  });

  it('moves nothing that is missing or no folder, and says where its new place is missing', async () => {
    await mkdir(at('to'));
    await writeFile(at('file'), '');
    await symlink('to', at('link'));
    for (const from of ['missing', 'missing/folder', 'file', 'link'])
      expect(await files.moveFolder(folder, from, 'to/moved')).toBe(false);
    await expect(files.moveFolder(folder, 'to', 'missing/to')).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await readdir(folder)).sort()).toEqual(['file', 'link', 'to']);
  });

  it('moves with its claim, which goes when the folder is away, and nothing without it', async () => {
    await mkdir(at('folder'));
    await symlink('owner', at('claim'));
    const move = (text: string) => files.moveFolder(folder, 'folder', 'moved', { path: at('claim'), text });
    expect(await move('other')).toBe(false);
    expect((await readdir(folder)).sort()).toEqual(['claim', 'folder']);
    expect(await move('owner')).toBe(true);
    expect(await readdir(folder)).toEqual(['moved']);
    expect(await move('owner')).toBe(false);
  });

  it('keeps its claim where it cannot move, and gives it up where the folder has gone', async () => {
    await mkdir(at('folder'));
    await symlink('owner', at('claim'));
    const claim = { path: at('claim'), text: 'owner' };
    await expect(files.moveFolder(folder, 'folder', 'missing/to', claim)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await readdir(folder)).sort()).toEqual(['claim', 'folder']);
    expect(await files.moveFolder(folder, 'gone', 'moved', claim)).toBe(false);
    expect(await readdir(folder)).toEqual(['folder']);
  });

  it('follows no link on the way', async () => {
    await mkdir(at('away/folder'), { recursive: true });
    await symlink('away', at('link'));
    await expect(files.moveFolder(folder, 'link/folder', 'moved')).rejects.toMatchObject({ code: 'ELOOP' });
    await expect(files.moveFolder(folder, 'away/folder', 'link/moved')).rejects.toMatchObject({ code: 'ELOOP' });
    expect(await readdir(at('away'))).toEqual(['folder']);
  });
});

describe('makeLink and readLink', () => {
  it('keep a text, and leave what is there', async () => {
    expect(await files.readLink(at('link'))).toBeUndefined();
    expect(await files.makeLink(at('link'), undefined, 'nowhere')).toBe(true);
    expect(await files.makeLink(at('link'), undefined, 'other')).toBe(false);
    expect(await files.readLink(at('link'))).toBe('nowhere');
    await expect(files.readLink(folder)).rejects.toMatchObject({ code: 'EINVAL' });
  });

  it('make none where what must be vacant is not', async () => {
    await symlink('nowhere', at('taken'));
    expect(await files.makeLink(at('link'), at('taken'), 'text')).toBe(false);
    expect(await files.readLink(at('link'))).toBeUndefined();
    expect(await files.makeLink(at('link'), at('vacant'), 'text')).toBe(true);
  });
});

describe('owner, mode and sync', () => {
  it('changes the thing itself, never what a link leads to', async () => {
    await writeFile(at('a'), '');
    await symlink(at('a'), at('link'));
    await files.chown(at('link'), 12, 34);
    expect(await files.stat(at('link'))).toMatchObject({ uid: 12, gid: 34 });
    expect(await files.stat(at('a'))).toMatchObject({ uid: 0, gid: 0 });
    await expect(files.chmod(at('link'), 0o777)).rejects.toMatchObject({ code: 'ELOOP' });
    await sh('mkfifo "$1"', at('fifo'));
    for (const name of ['a', 'fifo', '.']) {
      await files.chmod(at(name), 0o2751);
      expect(await modeOf(name)).toBe(0o2751);
    }
  });

  it('syncs files and folders', async () => {
    await writeFile(at('a'), '');
    await files.sync(at('a'));
    await files.sync(folder);
    await expect(files.sync(at('none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
