import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { mkdir, readdir, rmdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { isStowageError } from '../../src/errors.ts';
import { makePool, type TestPool } from '../support/pools.ts';
import { describeTree, makeFiles, sh, soon, TREE } from './files-setup.ts';

const run = mkdtempSync(join(tmpdir(), 'stowage-run-')); // its own, since other tests copy at the same time
const files = makeFiles(run);
let pool: TestPool;
let folder: string;
let count = 0;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  pool = await makePool('xfs');
});
beforeEach(async () => {
  folder = join(pool.path, 'volumes', String(count++));
  await mkdir(folder);
});
afterAll(async () => {
  await pool.cleanup();
  await rmdir(run);
});

describe('copying a tree', () => {
  it('keeps everything', async () => {
    await sh(TREE, at('from'));
    const before = await describeTree(at('from'));
    await files.copy(at('from'), at('to'), soon());
    expect(await describeTree(at('to'))).toBe(before);
    for (const words of [
      'fifo|p',
      'socket|s',
      'dangling|l',
      'user.colour',
      'security.capability',
      'trusted.secret',
      'user:77:rw',
      'default:group:88',
    ]) {
      expect(before).toContain(words);
    }
  });

  it('works on paths of open folders, into an empty folder', async () => {
    await sh(TREE, at('from'));
    await mkdir(at('to'));
    const handle = await files.openFolder(folder, '');
    try {
      await files.copy(join(handle.path, 'from'), join(handle.path, 'to'), soon());
    } finally {
      await handle.close();
    }
    expect(await describeTree(at('to'))).toBe(await describeTree(at('from')));
  });

  it('shares blocks where the file system can', async () => {
    await sh('mkdir "$1"; head -c 64M /dev/zero | tr "\\0" x > "$1/data"; sync -f "$1"', at('from'));
    const { freeBytes } = await files.statfs(folder);
    await files.copy(at('from'), at('to'), soon());
    expect(freeBytes - (await files.statfs(folder)).freeBytes).toBeLessThan(8 * 1024 ** 2);
  });

  it('does not enter other file systems mounted in it further than their mount points', async () => {
    await sh('mkdir -p "$1/mounted"; mount -t tmpfs none "$1/mounted"; touch "$1/mounted/secret"', at('from'));
    await files.copy(at('from'), at('to'), soon());
    expect(await readdir(at('to/mounted'))).toEqual([]);
  });

  it('refuses what is missing, and a target that is no folder', async () => {
    await expect(files.copy(at('none'), at('to'), soon())).rejects.toMatchObject({ code: 'ENOENT' });
    await mkdir(at('from'));
    await writeFile(at('file'), '');
    await symlink('/tmp', at('link'));
    for (const name of ['file', 'link']) {
      await expect(files.copy(at('from'), at(name), soon())).rejects.toMatchObject({ code: 'EEXIST' });
    }
  });

  it('says that the disk is full', async () => {
    await sh(
      'mkdir "$1" "$2"; mount -t tmpfs -o size=1M none "$2"; head -c 4M /dev/urandom > "$1/data"',
      at('from'),
      at('to'),
    );
    await expect(files.copy(at('from'), at('to'), soon())).rejects.toThrow('No space left on device');
    expect(await bindsLeft()).toEqual([]);
  });

  it('ends at the signal and takes its mount away', async () => {
    await sh(
      'mkdir "$1" "$2"; mount -t tmpfs -o size=2G none "$2"; head -c 100M /dev/zero | tr "\\0" x > "$1/1"; for i in {2..9}; do cp --reflink "$1/1" "$1/$i"; done',
      at('from'),
      at('to'),
    );
    await expect(files.copy(at('from'), at('to'), AbortSignal.timeout(30))).rejects.toMatchObject({ code: 'timeout' });
    expect((await readdir(at('to'))).length).toBeLessThan(9);
    expect(await bindsLeft()).toEqual([]);
    await sh('umount "$1"', at('to'));
  });

  it('takes nothing from outside while a folder is swapped for a link', async () => {
    await mkdir(at('outside'));
    await writeFile(at('outside/secret'), 'secret');
    await sh('mkdir -p "$1/f"; for i in {1..200}; do echo $i > "$1/f/$i"; done', at('from'));
    const swapper = spawn(process.execPath, ['-e', SWAP, at('from'), at('outside')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const seen = { copied: 0, busy: 0 };
    try {
      await once(swapper.stdout, 'data');
      for (let round = 0; round < 60; round++) {
        const to = at(`to${round}`);
        try {
          await files.copy(at('from'), to, soon());
          seen.copied++;
        } catch (error) {
          if (!isStowageError(error, 'busy')) throw error;
          seen.busy++;
        }
        expect(await sh('find "$1" -name "*secret*"', to)).toBe('');
      }
    } finally {
      await end(swapper);
    }
    expect(seen.copied).toBeGreaterThan(0);
    expect(seen.copied + seen.busy).toBe(60);
    expect(await bindsLeft()).toEqual([]);
  }, 60_000);
});

describe('copying a file', () => {
  it('keeps holes, owner, mode and times', async () => {
    await sh(
      'truncate -s 50M "$1"; echo end >> "$1"; chmod 640 "$1"; chown 12:34 "$1"; touch -d @1000000000.5 "$1"',
      at('from'),
    );
    await files.copy(at('from'), at('to'), soon());
    await sh('cmp "$1" "$2"', at('from'), at('to'));
    const { inode: _, ...copied } = (await files.stat(at('to'))) ?? { inode: 0 };
    expect(await files.stat(at('from'))).toMatchObject(copied);
    await expect(files.copy(at('from'), at('to'), soon())).rejects.toMatchObject({ code: 'EEXIST' });
  });
});

describe('recover', () => {
  it('takes away what a killed process left, and nothing that is in use', async () => {
    await sh('mkdir -p "$1" "$2/tree"; touch "$1/kept"; mount --bind "$1" "$2/tree"', at('from'), DEAD);
    const handle = await sh('mkdir -p "$1/tree"; echo', ALIVE).then(() =>
      spawn('flock', [ALIVE, 'sh', '-c', 'echo held; exec sleep 60'], {
        stdio: ['ignore', 'pipe', 'inherit'],
        detached: true,
      }),
    );
    try {
      await once(handle.stdout, 'data');
      await files.recover();
      expect(await bindsLeft()).toEqual(['stowage-bind-alive']);
    } finally {
      await end(handle);
    }
    await files.recover();
    expect(await bindsLeft()).toEqual([]);
    expect(await readdir(at('from'))).toEqual(['kept']);
  });
});

const DEAD = join(run, 'stowage-bind-dead');
const ALIVE = join(run, 'stowage-bind-alive');

/** Makes f a folder, and a link to the outside, in turn, for up to 1 ms each: cp without the bind is led astray about once in 150 times. */
const SWAP = `
const fs = require('node:fs');
const [from, outside] = process.argv.slice(1);
process.chdir(from);
const hold = () => { for (const end = performance.now() + Math.random(); performance.now() < end; ); };
console.log('swapping');
for (;;) {
  fs.renameSync('f', '../aside');
  fs.symlinkSync(outside, 'f');
  hold();
  fs.unlinkSync('f');
  fs.renameSync('../aside', 'f');
  hold();
}
`;

const bindsLeft = () => readdir(run);

/** Ends the child, or the group that it leads, and waits for it. */
async function end(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  if (child.pid === undefined) throw new Error('the child did not start');
  process.kill(child.spawnfile === 'flock' ? -child.pid : child.pid, 'SIGKILL');
  await closed;
}
