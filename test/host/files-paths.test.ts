import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { makePool, type TestPool } from '../support/pools.ts';
import { makeFiles, sh } from './files-setup.ts';

const files = makeFiles();
let pool: TestPool;
const at = (name: string) => join(pool.path, name);

beforeEach(async () => {
  pool = await makePool('folder');
});
afterEach(() => pool.cleanup());

describe('openFolder', () => {
  it('gives a path that outlives a rename and a replacement, here and in children', async () => {
    await writeFile(at('volumes/a'), 'x');
    const handle = await files.openFolder(pool.path, 'volumes');
    try {
      await rename(at('volumes'), at('elsewhere'));
      await symlink('/etc', at('volumes'));
      expect(await readdir(handle.path)).toEqual(['a']);
      expect(await sh('ls "$1"', handle.path)).toBe('a');
      await files.writeDurably(join(handle.path, 'b.json'), '{}');
      expect(await readdir(at('elsewhere'))).toEqual(['a', 'b.json']);
    } finally {
      await handle.close();
    }
    await expect(readdir(handle.path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('opens the root itself, and folders deeper down', async () => {
    for (const [relative, name] of [
      ['', 'volumes'],
      ['.stowage', 'tmp'],
    ] as const) {
      const handle = await files.openFolder(pool.path, relative);
      expect(await readdir(handle.path)).toContain(name);
      await handle.close();
    }
  });

  it.each([
    ['..', 'EXDEV'],
    ['volumes/../..', 'EXDEV'],
    ['/etc', 'EXDEV'],
    ['out', 'ELOOP'],
    ['inside', 'ELOOP'],
    ['out/ssl', 'ELOOP'],
    ['none', 'ENOENT'],
    ['file', 'ENOTDIR'],
  ])('refuses %s with %s', async (relative, code) => {
    await symlink('/etc', at('out'));
    await symlink('volumes', at('inside'));
    await writeFile(at('file'), '');
    const before = (await readdir('/proc/self/fd')).length;
    await expect(files.openFolder(pool.path, relative)).rejects.toMatchObject({ code });
    expect((await readdir('/proc/self/fd')).length).toBe(before);
  });

  it('refuses a root that is a link', async () => {
    await symlink(pool.path, at('root'));
    await expect(files.openFolder(at('root'), 'volumes')).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

describe('resolveParent', () => {
  it('resolves links in the folder, not in the last part', async () => {
    await mkdir(at('real'));
    await symlink('real', at('link'));
    await symlink('/etc', at('real/last'));
    expect(await files.resolveParent(at('link/last'))).toBe(at('real/last'));
    expect(await files.resolveParent(`${at('link/none')}/`)).toBe(at('real/none'));
    expect(await files.resolveParent(at('none/deeper'))).toBe(at('none/deeper'));
    expect(await files.resolveParent('/')).toBe('/');
  });
});

describe('lock', () => {
  it('is held once, until it is released', async () => {
    const held = await files.lock(at('lock'));
    expect(held).toBeDefined();
    expect(await files.lock(at('lock'))).toBeUndefined();
    await held?.release();
    const again = await files.lock(at('lock'));
    expect(again).toBeDefined();
    await again?.release();
    expect(await files.stat(at('lock'))).toMatchObject({ mode: 0o600 });
  });

  it('is seen by other processes, and not kept by children', async () => {
    const held = await files.lock(at('lock'));
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      await once(child, 'spawn');
      expect(await sh('flock -n "$1" echo free || echo held', at('lock'))).toBe('held');
      await held?.release();
      expect(await sh('flock -n "$1" echo free || echo held', at('lock'))).toBe('free');
    } finally {
      await end(child);
    }
  });

  it('ends with the process that holds it', async () => {
    const child = spawn('flock', [at('lock'), 'sh', '-c', 'echo held; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    try {
      await once(child.stdout, 'data');
      expect(await files.lock(at('lock'))).toBeUndefined();
    } finally {
      await end(child);
    }
    const held = await files.lock(at('lock'));
    expect(held).toBeDefined();
    await held?.release();
  });

  it('refuses a link', async () => {
    await symlink(at('target'), at('lock'));
    await expect(files.lock(at('lock'))).rejects.toMatchObject({ code: 'ELOOP' });
  });
});

/** Ends the child, and its group where it leads one, and waits for it. */
async function end(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  if (child.pid === undefined) throw new Error('the child did not start');
  if (child.stdout === null) child.kill('SIGKILL');
  else process.kill(-child.pid, 'SIGKILL');
  await closed;
}
