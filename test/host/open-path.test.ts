import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { errnoOf } from '../../src/errors.ts';
import { createCommands } from '../../src/host/command.ts';
import { systemError } from '../../src/host/libc.ts';
import { type MountSyscalls, mountSyscalls } from '../../src/host/mount-syscalls.ts';
import { createMounts } from '../../src/host/mounts.ts';
import { createHost } from '../../src/host/system.ts';

const exec = promisify(execFile);
const { files } = createHost();

let base = '';
let root = '';
let target = '';

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'stowage-open-')));
  await exec('mount', ['-t', 'tmpfs', 'stowage-test', base]);
  await exec('mount', ['--make-shared', base]);
  root = join(base, 'root');
  target = join(base, 'target');
  for (const name of ['root', 'root/a', 'root/a/b', 'outside', 'target']) await mkdir(join(base, name));
  await writeFile(join(base, 'root/a/b/file'), 'inside');
  await writeFile(join(base, 'outside/file'), 'outside');
});

afterEach(async () => {
  await exec('umount', ['--recursive', '--lazy', base]);
  await rm(base, { recursive: true });
});

async function errnoFrom(call: Promise<unknown>): Promise<string | undefined> {
  return call.then(() => undefined, errnoOf);
}

async function typeAt(relative: string): Promise<string> {
  const opened = await files.openPath(root, relative);
  opened.close();
  return opened.stat.type;
}

describe('openPath', () => {
  it('says what lies there, of whatever type, and where', async () => {
    await exec('mkfifo', [join(root, 'fifo')]);
    await exec('mknod', [join(root, 'null'), 'c', '1', '3']);
    await exec('mknod', [join(root, 'disk'), 'b', '7', '200']);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve));
    try {
      expect(await typeAt('')).toBe('folder');
      expect(await typeAt('a/b/file')).toBe('file');
      expect(await typeAt('fifo')).toBe('fifo');
      expect(await typeAt('null')).toBe('character');
      expect(await typeAt('disk')).toBe('block');
      expect(await typeAt('socket')).toBe('socket');
    } finally {
      server.close();
    }
    const opened = await files.openPath(root, 'a/b');
    try {
      expect(opened.path).toBe(join(root, 'a/b'));
      const { entries } = await createHost().mounts.table();
      expect(entries.find(({ id }) => id === opened.mountId)?.mountPoint).toBe(base);
    } finally {
      opened.close();
    }
  });

  it('follows links to the root, and none beneath it', async () => {
    await symlink(root, join(base, 'link'));
    await symlink('b', join(root, 'a/inner'));
    await symlink(join(base, 'outside'), join(root, 'a/outer'));
    await symlink('/proc/self/root', join(root, 'magic'));
    const opened = await files.openPath(join(base, 'link'), 'a/b');
    opened.close();
    expect(opened.path).toBe(join(root, 'a/b'));
    for (const relative of ['a/inner', 'a/inner/file', 'a/outer', 'a/outer/file', 'magic', 'magic/etc'])
      expect([relative, await errnoFrom(files.openPath(root, relative))]).toEqual([relative, 'ELOOP']);
    expect(await errnoFrom(files.openPath(root, '../outside'))).toBe('EXDEV');
    expect(await errnoFrom(files.openPath(root, '/etc'))).toBe('EXDEV');
    expect(await errnoFrom(files.openPath(root, 'none'))).toBe('ENOENT');
    expect(await errnoFrom(files.openPath(root, 'a/b/file/x'))).toBe('ENOTDIR');
  });

  it('goes through mount points, and closes only once', async () => {
    await exec('mount', ['-t', 'tmpfs', 'stowage-inner', join(root, 'a')]);
    await mkdir(join(root, 'a/of-the-disk'));
    const opened = await files.openPath(root, 'a/of-the-disk');
    opened.close();
    opened.close();
    expect(opened.stat.type).toBe('folder');
  });
});

describe('makeBeneath', () => {
  it('makes a folder and those above it, and keeps what is there', async () => {
    await files.makeBeneath(root, 'x/y/z', 'folder', 0o755);
    expect((await stat(join(root, 'x/y/z'))).mode & 0o7777).toBe(0o755);
    await files.makeBeneath(root, 'a/b', 'folder', 0o700);
    expect((await stat(join(root, 'a/b'))).mode & 0o7777).toBe(0o755);
    expect(await errnoFrom(files.makeBeneath(root, 'a/b/file', 'folder', 0o755))).toBe('ENOTDIR');
  });

  it('makes a file in a folder that is there, and keeps what is there', async () => {
    await files.makeBeneath(root, 'a/new', 'file', 0o644);
    expect((await stat(join(root, 'a/new'))).mode & 0o7777).toBe(0o644);
    await files.makeBeneath(root, 'a/b/file', 'file', 0o644);
    expect(await readFile(join(root, 'a/b/file'), 'utf8')).toBe('inside');
    expect(await errnoFrom(files.makeBeneath(root, 'none/new', 'file', 0o644))).toBe('ENOENT');
  });

  it('makes nothing through links', async () => {
    await symlink(join(base, 'outside'), join(root, 'a/outer'));
    await symlink(join(base, 'outside/made'), join(root, 'a/dangling'));
    expect(await errnoFrom(files.makeBeneath(root, 'a/outer/x', 'folder', 0o755))).toBe('ELOOP');
    expect(await errnoFrom(files.makeBeneath(root, 'a/outer/x', 'file', 0o644))).toBe('ELOOP');
    expect(await errnoFrom(files.makeBeneath(root, 'a/dangling', 'folder', 0o755))).toBe('ELOOP');
    await errnoFrom(files.makeBeneath(root, 'a/dangling', 'file', 0o644));
    expect(await files.list(join(base, 'outside'))).toEqual(['file']);
  });
});

function missing(): never {
  throw systemError(38, 'open_tree'); // ENOSYS
}

describe.each<[string, MountSyscalls]>([
  ['open_tree and mount_setattr', mountSyscalls],
  ['a kernel without mount_setattr', { ...mountSyscalls, setTreeAttributes: missing, setAttributes: missing }],
  ['a kernel without open_tree', { ...mountSyscalls, cloneTree: missing }],
])('bindOpened with %s', (_name, calls) => {
  const mounts = createMounts(createCommands(), calls);

  it('binds what was opened, not what lies there by now', async () => {
    const opened = await files.openPath(root, 'a');
    await rename(join(root, 'a'), join(root, 'moved'));
    await symlink(join(base, 'outside'), join(root, 'a'));
    await mounts.bindOpened(opened, target, []);
    opened.close();
    expect(await readFile(join(target, 'b/file'), 'utf8')).toBe('inside');
    expect((await mounts.table()).at(target)?.root).toBe('/root/moved');
  });

  it('binds a file read-only', async () => {
    const opened = await files.openPath(root, 'a/b/file');
    await writeFile(join(base, 'node'), '');
    await mounts.bindOpened(opened, join(base, 'node'), ['ro']);
    opened.close();
    expect(await readFile(join(base, 'node'), 'utf8')).toBe('inside');
    expect(await errnoFrom(writeFile(join(base, 'node'), 'x'))).toBe('EROFS');
    await writeFile(join(root, 'a/b/file'), 'more');
  });

  it('keeps the mounts beneath the origin and beneath the target apart', async () => {
    await exec('mount', ['-t', 'tmpfs', 'stowage-before', join(root, 'a/b')]);
    const opened = await files.openPath(root, '');
    await mounts.bindOpened(opened, target, []);
    opened.close();
    expect(await files.list(join(target, 'a/b'))).toEqual(['file']); // what lies beneath that mount
    await mkdir(join(root, 'later'));
    await exec('mount', ['-t', 'tmpfs', 'stowage-later', join(root, 'later')]);
    expect((await mounts.table()).at(join(target, 'later'))).toBeUndefined();
    await exec('mount', ['-t', 'tmpfs', 'stowage-theirs', join(target, 'later')]);
    await exec('umount', [join(target, 'later')]);
    expect((await mounts.table()).at(join(root, 'later'))?.source).toBe('stowage-later');
  });

  it('leaves nothing where it fails', async () => {
    const opened = await files.openPath(root, 'a/b/file');
    await expect(mounts.bindOpened(opened, target, [])).rejects.toMatchObject({ code: 'precondition' });
    opened.close();
    expect((await mounts.table()).at(target)).toBeUndefined();
  });
});
