import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { makePool, type TestPool } from '../support/pools.ts';
import { makeFiles, sh, soon } from './files-setup.ts';

const files = makeFiles();
let pool: TestPool;
let folder: string;
let count = 0;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  pool = await makePool('ext4');
});
beforeEach(async () => {
  folder = join(pool.path, 'volumes', String(count++));
  await mkdir(folder);
});
afterAll(() => pool.cleanup());

describe('removeTree', () => {
  it('removes a tree, a file and a link, and nothing that a link leads to', async () => {
    await mkdir(at('outside'));
    await writeFile(at('outside/kept'), '');
    await sh(
      'mkdir -p "$1/a/b"; echo x > "$1/a/b/c"; ln -s "$2" "$1/a/out"; chmod 0 "$1/a"',
      at('tree'),
      at('outside'),
    );
    await writeFile(at('-rf'), '');
    await symlink(at('outside'), at('link'));
    for (const name of ['tree', '-rf', 'link', 'none']) await files.removeTree(at(name), soon());
    expect(await readdir(folder)).toEqual(['outside']);
    expect(await readdir(at('outside'))).toEqual(['kept']);
  });

  it('removes what root in a pod made immutable or append-only, and leaves alone what its links lead to', async () => {
    await writeFile(at('outside'), '');
    await sh(
      'mkdir -p "$1/a/b"; touch "$1/a/b/c" "$1/log"; ln -s "$2" "$1/a/out"; mkfifo "$1/fifo"; chattr +i "$1/a/b/c" "$2"; chattr +a "$1/log"; chattr +i "$1/a/b" "$1/a" "$1"',
      at('tree'),
      at('outside'),
    );
    try {
      await files.removeTree(at('tree'), soon());
      expect(await readdir(folder)).toEqual(['outside']);
      expect(await sh('lsattr "$1"', at('outside'))).toMatch(/^\S*i/);
    } finally {
      await sh('chattr -R -f -i -a "$1" || true', folder);
    }
  });

  it('does not enter another file system, and says what is left', async () => {
    await sh('mkdir -p "$1/a"; mount -t tmpfs none "$1/a"; touch "$1/a/kept"', at('tree'));
    try {
      await expect(files.removeTree(at('tree'), soon())).rejects.toMatchObject({
        name: 'StowageError',
        code: 'internal',
      });
      expect(await readdir(at('tree/a'))).toEqual(['kept']);
    } finally {
      await sh('umount "$1/a"', at('tree'));
    }
  });

  it('ends at the signal', async () => {
    await mkdir(at('tree'));
    await expect(files.removeTree(at('tree'), AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
  });
});
