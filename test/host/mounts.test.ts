import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { errnoOf } from '../../src/errors.ts';
import type { Commands } from '../../src/host/command.ts';
import { systemError } from '../../src/host/libc.ts';
import { type MountSyscalls, mountSyscalls } from '../../src/host/mount-syscalls.ts';
import { createMounts, type Mounts } from '../../src/host/mounts.ts';

const exec = promisify(execFile);

/** Runs a program for real, and keeps its exit code. */
const commands: Commands = {
  async run(program, args, { signal, exitCodes = [0] }) {
    const child = spawn(program, args, {
      signal,
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const [exitCode] = await once(child, 'close');
    if (!exitCodes.includes(exitCode)) throw new Error(`${program} exited with ${exitCode}: ${stderr}`);
    return { stdout, stderr, exitCode };
  },
};

function missing(): never {
  throw systemError(38, 'open_tree'); // ENOSYS
}

/** A kernel before 5.2, and one before 5.12. */
const oldest: MountSyscalls = {
  ...mountSyscalls,
  cloneTree: missing,
  setTreeAttributes: missing,
  setAttributes: missing,
};
const older: MountSyscalls = { ...mountSyscalls, setTreeAttributes: missing, setAttributes: missing };

let base = '';
let source = '';
let target = '';
const signal = AbortSignal.timeout(60_000);

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'stowage-mounts-')));
  await exec('mount', ['-t', 'tmpfs', '-o', 'nosuid,noatime', 'stowage-test', base]);
  source = join(base, 'source');
  target = join(base, 'target');
  await mkdir(source);
  await mkdir(target);
  await writeFile(join(source, 'file'), 'data');
});

afterEach(async () => {
  await exec('umount', ['--recursive', '--lazy', base]);
  await rm(base, { recursive: true });
});

async function optionsOf(mounts: Mounts, path: string): Promise<readonly string[] | undefined> {
  return (await mounts.table()).at(path)?.options;
}

async function errnoOfWrite(path: string): Promise<string | undefined> {
  return writeFile(path, 'x').then(() => undefined, errnoOf);
}

describe.each([
  ['open_tree and mount_setattr', mountSyscalls],
  ['a kernel without mount_setattr', older],
  ['a kernel without open_tree', oldest],
])('bind and setFlags with %s', (_name, calls) => {
  const mounts = createMounts(commands, calls);

  it('binds a folder with the flags of its mount', async () => {
    await mounts.bind(source, target, []);
    expect(await readFile(join(target, 'file'), 'utf8')).toBe('data');
    expect((await mounts.table()).at(target)?.root).toBe('/source');
    expect(await optionsOf(mounts, target)).toEqual(['rw', 'nosuid', 'noatime']);
    await mounts.detach(target);
    expect(await optionsOf(mounts, target)).toBeUndefined();
  });

  it('binds read-only and noexec, which leaves the source writable and runnable', async () => {
    await writeFile(join(source, 'run'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    await mounts.bind(source, target, ['ro', 'noexec']);
    expect(await errnoOfWrite(join(target, 'file'))).toBe('EROFS');
    expect(await errnoOfWrite(join(source, 'file'))).toBeUndefined();
    await expect(exec(join(target, 'run'))).rejects.toMatchObject({ code: 'EACCES' });
    await exec(join(source, 'run'));
    expect(await optionsOf(mounts, target)).toEqual(['ro', 'nosuid', 'noexec', 'noatime']);
  });

  it('changes flags, also those for access times', async () => {
    await mounts.bind(source, target, ['ro']);
    await mounts.setFlags(target, ['rw', 'suid', 'nodev', 'relatime', 'nodiratime', 'nosymfollow']);
    expect([...((await optionsOf(mounts, target)) ?? [])].sort()).toEqual([
      'nodev',
      'nodiratime',
      'nosymfollow',
      'relatime',
      'rw',
    ]);
    await mounts.setFlags(target, ['strictatime', 'diratime', 'symfollow', 'dev']);
    expect(await optionsOf(mounts, target)).toEqual(['rw']);
  });

  it('refuses to change flags where nothing is mounted', async () => {
    await expect(mounts.setFlags(target, ['ro'])).rejects.toMatchObject({ code: 'precondition' });
  });

  it('binds a file on a file', async () => {
    await writeFile(join(base, 'on'), '');
    await mounts.bind(join(source, 'file'), join(base, 'on'), ['ro']);
    expect(await readFile(join(base, 'on'), 'utf8')).toBe('data');
    expect(await errnoOfWrite(join(base, 'on'))).toBe('EROFS');
  });

  it('does not bind what is mounted below the source', async () => {
    await mkdir(join(source, 'inner'));
    await exec('mount', ['-t', 'tmpfs', 'stowage-test', join(source, 'inner')]);
    await mounts.bind(source, target, []);
    expect(await optionsOf(mounts, join(target, 'inner'))).toBeUndefined();
  });

  it('follows no link at the end of source or target, to a folder or a file', async () => {
    const before = (await mounts.table()).entries.length;
    await symlink(source, join(base, 'to-folder'));
    await symlink(join(source, 'file'), join(base, 'to-file'));
    await writeFile(join(base, 'on'), '');
    const refusal = { code: 'precondition', message: expect.stringContaining('ELOOP') };
    await expect(mounts.bind(join(base, 'to-folder'), target, [])).rejects.toMatchObject(refusal);
    await expect(mounts.bind(source, join(base, 'to-folder'), [])).rejects.toMatchObject(refusal);
    await expect(mounts.bind(join(base, 'to-file'), join(base, 'on'), [])).rejects.toMatchObject(refusal);
    await expect(mounts.bind(join(base, 'on'), join(base, 'to-file'), [])).rejects.toMatchObject(refusal);
    expect((await mounts.table()).entries).toHaveLength(before);
  });

  it('says what is missing or does not fit', async () => {
    await expect(mounts.bind(join(base, 'none'), target, [])).rejects.toMatchObject({ code: 'not-found' });
    await expect(mounts.bind(source, join(base, 'none'), [])).rejects.toMatchObject({ code: 'not-found' });
    await expect(mounts.bind(join(source, 'file'), target, [])).rejects.toMatchObject({ code: 'precondition' });
    await expect(mounts.bind('source', target, [])).rejects.toMatchObject({ code: 'invalid' });
    await expect(mounts.bind(source, 'target', [])).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('atomicity', () => {
  it('leaves no mount where the flags cannot be set', async () => {
    const refused = () => {
      throw systemError(1, 'mount_setattr');
    };
    const modern = createMounts(commands, { ...mountSyscalls, setTreeAttributes: refused });
    await expect(modern.bind(source, target, ['ro'])).rejects.toMatchObject({ code: 'internal' });
    expect(await optionsOf(modern, target)).toBeUndefined();
    const fallback = createMounts(commands, {
      ...oldest,
      mount: (from, to, flags) => (from === null ? refused() : mountSyscalls.mount(from, to, flags)),
    });
    await expect(fallback.bind(source, target, ['ro'])).rejects.toMatchObject({ code: 'internal' });
    expect(await optionsOf(fallback, target)).toBeUndefined();
  });

  it('has the flags set before the mount can be seen', async () => {
    const seen: string[] = [];
    const mounts = createMounts(commands, {
      ...mountSyscalls,
      setTreeAttributes(path, fd, change) {
        mountSyscalls.setTreeAttributes(path, fd, change);
        seen.push('flags');
      },
      attachTree(path, tree, fd) {
        seen.push('attach');
        mountSyscalls.attachTree(path, tree, fd);
      },
    });
    await mounts.bind(source, target, ['ro']);
    expect(seen).toEqual(['flags', 'attach']);
  });
});

describe('table', () => {
  const mounts = createMounts(commands);

  it('is the same object until something changes, also by another process', async () => {
    const before = await mounts.table();
    expect(await mounts.table()).toBe(before);
    await exec('mount', ['-t', 'tmpfs', 'stowage-test', target]);
    const mounted = await mounts.table();
    expect(mounted.at(target)).toMatchObject({ fsType: 'tmpfs', source: 'stowage-test', root: '/' });
    expect(mounted.containing(join(target, 'a/b')).mountPoint).toBe(target);
    expect(mounted.containing(source).mountPoint).toBe(base);
    expect(await mounts.table()).toBe(mounted);
    await exec('mount', ['-o', 'remount,ro', target]);
    expect((await mounts.table()).at(target)).toMatchObject({ superOptions: expect.arrayContaining(['ro']) });
    await exec('umount', [target]);
    expect((await mounts.table()).at(target)).toBeUndefined();
  });

  it('reads names with spaces, and tables of more than one read', async () => {
    const count = 700; // of more than 100 bytes each: above 64 KiB
    const last = join(base, `a b\t${count}`);
    await mkdir(last);
    for (let i = 0; i < count; i++) await mounts.bind(source, target, []);
    await mounts.bind(source, last, []);
    const table = await mounts.table();
    expect(table.at(last)?.root).toBe('/source');
    expect(table.entries.filter((entry) => entry.mountPoint === target)).toHaveLength(count);
    for (let i = 0; i < count; i++) await mounts.detach(target);
    expect((await mounts.table()).at(target)).toBeUndefined();
  });
});

describe('detach', () => {
  const mounts = createMounts(commands);

  it('detaches a mount in use: an open file stays usable, the path is free', async () => {
    await mounts.bind(source, target, []);
    const file = await open(join(target, 'file'));
    try {
      await mounts.detach(target);
      expect(await optionsOf(mounts, target)).toBeUndefined();
      expect(await file.readFile('utf8')).toBe('data');
    } finally {
      await file.close();
    }
  });

  it('detaches the working folder of a process', async () => {
    await mounts.bind(source, target, []);
    const child = spawn('cat', { cwd: target, stdio: ['pipe', 'ignore', 'ignore'] });
    try {
      await once(child, 'spawn');
      await mounts.detach(target);
      expect(await optionsOf(mounts, target)).toBeUndefined();
    } finally {
      child.stdin.end(); // ends cat
      await once(child, 'close');
    }
  });

  it('does nothing where nothing is mounted, and follows no link', async () => {
    await mounts.detach(target);
    await mounts.detach(join(base, 'none'));
    await mounts.bind(source, target, []);
    await symlink(target, join(base, 'link'));
    await mounts.detach(join(base, 'link'));
    expect(await optionsOf(mounts, target)).toBeDefined();
    await mounts.detach(target);
    await mounts.detach(target);
    expect(await optionsOf(mounts, target)).toBeUndefined();
  });
});

describe('devices', () => {
  const mounts = createMounts(commands);

  it('mounts with options, says busy, unmounts once and again', async () => {
    const image = join(base, 'image');
    await writeFile(image, '');
    await exec('truncate', ['--size', '8M', image]);
    await exec('mkfs.ext4', ['-q', image]);
    const { stdout } = await exec('losetup', ['--find', '--show', image]);
    const device = stdout.trim();
    try {
      await mounts.mountDevice(device, target, 'ext4', ['noatime', 'nodev'], signal);
      expect((await mounts.table()).at(target)).toMatchObject({ source: device, fsType: 'ext4' });
      expect(await optionsOf(mounts, target)).toEqual(expect.arrayContaining(['noatime', 'nodev']));
      const file = await open(join(target, 'file'), 'w');
      try {
        await expect(mounts.unmountDevice(target, signal)).rejects.toMatchObject({ code: 'busy' });
      } finally {
        await file.close();
      }
      await mounts.unmountDevice(target, signal);
      await mounts.unmountDevice(target, signal);
      await mounts.unmountDevice(join(base, 'none'), signal);
      await mounts.mountDevice(device, target, 'ext4', [], signal);
      await mounts.unmountDevice(target, signal);
    } finally {
      await mounts.detach(target);
      await exec('losetup', ['--detach', device]);
    }
  });

  it.each(['', 'ro,suid', 'a b', 'a\tb', 'a\nb', 'a\0b', 'a\x7f'])('refuses the option %j', async (option) => {
    await expect(mounts.mountDevice('/dev/none', target, 'ext4', [option], signal)).rejects.toMatchObject({
      code: 'invalid',
    });
  });

  it('refuses relative paths and what is no file system type', async () => {
    const refusal = { code: 'invalid' };
    await expect(mounts.mountDevice('-a', target, 'ext4', [], signal)).rejects.toMatchObject(refusal);
    await expect(mounts.mountDevice('/dev/none', 'x', 'ext4', [], signal)).rejects.toMatchObject(refusal);
    await expect(mounts.mountDevice('/dev/none', target, '-a', [], signal)).rejects.toMatchObject(refusal);
    await expect(mounts.unmountDevice('-a', signal)).rejects.toMatchObject(refusal);
  });

  it('passes on an answer of umount that it does not know', async () => {
    const strange = createMounts({ run: async () => ({ stdout: '', stderr: 'umount: /x: strange', exitCode: 32 }) });
    await expect(strange.unmountDevice('/x', signal)).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringContaining('strange'),
    });
  });
});
