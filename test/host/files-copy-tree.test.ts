import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { TreeCopyProgress } from '../../src/host/files.ts';
import { makePool, type TestPool } from '../support/pools.ts';
import { describeTree, makeFiles, sh, soon, TREE } from './files-setup.ts';

const files = makeFiles();
let pool: TestPool;
let folder: string;
const at = (name: string) => join(folder, name);
const copied = (onProgress?: (progress: TreeCopyProgress) => void) =>
  files.copyTree(at('from'), at('to'), soon(), onProgress);

describe.each(['xfs', 'ext4'] as const)('copying a tree entry by entry, on %s', (kind) => {
  beforeAll(async () => {
    pool = await makePool(kind);
  });
  beforeEach(async () => {
    folder = join(pool.path, 'volumes/test');
    await mkdir(folder);
  });
  afterEach(() => sh('rm -rf "$1"', folder)); // also what is deeper than a path may be
  afterAll(() => pool.cleanup());

  it('keeps everything', async () => {
    await sh(TREE, at('from'));
    const before = await describeTree(at('from'));
    const { files: count, filesFound, filesKept, clonedBytes, copiedBytes, rangeBytes, bytes } = await copied();
    expect(await describeTree(at('to'))).toBe(before);
    expect({ count, filesFound, filesKept }).toEqual({ count: 10, filesFound: 10, filesKept: 0 });
    expect(clonedBytes > 0).toBe(kind === 'xfs');
    expect(copiedBytes + rangeBytes > 0).toBe(kind === 'ext4');
    if (kind === 'xfs') expect(bytes - clonedBytes).toBe(300_000); // the second name of data
    expect(await sh('find "$1" -name hole -printf %b', at('to'))).toBe(
      await sh('find "$1" -name hole -printf %b', at('from')),
    );
  });

  it('goes on with what an earlier one left, and copies nothing twice that is complete', async () => {
    await sh(TREE, at('from'));
    await sh('for i in {1..40}; do mkdir "$1/d$i"; head -c 20000 /dev/urandom > "$1/d$i/$((i % 4))"; done', at('from'));
    const before = await describeTree(at('from'));
    const { files: all, bytes } = await copied();
    for (const stopAt of [1, 20, all - 1]) {
      await rm(at('to'), { recursive: true });
      const abort = new AbortController();
      let done = 0;
      const first = files.copyTree(at('from'), at('to'), abort.signal, (progress) => {
        done = progress.files;
        if (done >= stopAt) abort.abort();
      });
      await expect(first).rejects.toMatchObject({ code: 'cancelled' });
      const second = await copied();
      expect(second.files).toBe(all);
      expect(second.filesKept).toBe(done);
      expect(second.bytes).toBe(bytes);
      expect(await describeTree(at('to'))).toBe(before);
    }
    expect((await copied()).filesKept).toBe(all);
    expect(await describeTree(at('to'))).toBe(before);
  });

  it('makes anew what is half done or has changed, and removes what is gone', async () => {
    await sh(TREE, at('from'));
    await copied();
    await sh(
      `cd "$1"
      truncate -s 100 data; rm 'a folder/hard link' dangling; cp data 'a folder/hard link'; ln -s other dangling
      rm -r 'a folder/deep'; echo file > 'a folder/deep'; rm fifo; mkdir fifo; touch fifo/inner`,
      at('to'),
    );
    await sh('rm "$1/outward"; ln -s / "$1/outward"; mkdir "$1/gone"; echo gone > "$1/gone/file"', at('to'));
    await sh(`mkdir "$1"/$'g\\xff'; echo gone > "$1"/$'g\\xff'/x; echo gone > "$1"/$'f\\xff'`, at('to'));
    await sh('echo changed >> "$1/data"; setfattr -n user.colour -v red "$1/data"', at('from'));
    await copied();
    expect(await describeTree(at('to'))).toBe(await describeTree(at('from')));
  });

  it('keeps names of one file together, whatever was done before', async () => {
    await sh('mkdir -p "$1/a" "$1/b"; echo x > "$1/a/1"; ln "$1/a/1" "$1/b/2"; ln "$1/a/1" "$1/b/3"', at('from'));
    await copied();
    await sh('cp -p "$1/a/1" "$1/c"; rm "$1/b/2"; cp -p "$1/c" "$1/b/2"; rm "$1/c"', at('to'));
    const { filesKept } = await copied();
    expect([1, 2]).toContain(filesKept); // those that were one file before, or the one that was not
    expect(await sh('stat -c %h "$1/a/1"', at('to'))).toBe('3');
    // What was one file is two by now.
    await sh('cp -p "$1/b/2" "$1/new"; mv "$1/new" "$1/b/2"', at('from'));
    await copied();
    expect(await describeTree(at('to'))).toBe(await describeTree(at('from')));
  });

  it('keeps holes that the file system tells, and finds those that it does not', async () => {
    await sh('mkdir "$1"; truncate -s 20M "$1/empty"; cp "$1/empty" "$1/ends"; echo end >> "$1/ends"', at('from'));
    await sh('for i in 0 10 19; do echo $i | dd of="$1/some" bs=1M seek=$i conv=notrunc status=none; done', at('from'));
    await copied();
    expect(await describeTree(at('to'))).toBe(await describeTree(at('from')));
    expect(Number(await sh('du -sk "$1" | cut -f1', at('to')))).toBeLessThan(100);
  });

  it('takes names and links of any bytes', async () => {
    await mkdir(at('from'));
    await sh(`cd "$1"; echo x > $'b\\xff\\xfe'; ln -s $'t\\xff' l; mkdir $'d\\xff'; echo y > $'d\\xff/z'`, at('from'));
    await copied();
    expect(await describeTree(at('to'))).toBe(await describeTree(at('from')));
  });

  it('says where another file system is mounted, and that the disk is full', async () => {
    await sh('mkdir -p "$1/in/mounted"; mount -t tmpfs none "$1/in/mounted"', at('from'));
    await expect(copied()).rejects.toMatchObject({
      code: 'precondition',
      message: expect.stringContaining(`'in/mounted'`),
    });
    await sh('umount "$1/in/mounted"; head -c 4M /dev/urandom > "$1/data"', at('from'));
    await sh('mkdir -p "$1"; mount -t tmpfs -o size=1M none "$1"', at('to'));
    await expect(copied()).rejects.toMatchObject({ code: 'ENOSPC', path: 'data' });
    await sh('umount "$1"', at('to'));
  });

  it('leaves out what goes while it is copied, and follows no link that comes', async () => {
    await mkdir(at('outside'));
    await writeFile(at('outside/secret'), 'secret');
    await sh(
      'mkdir "$1"; for i in {1..30}; do mkdir "$1/d$i"; for j in {1..20}; do echo $j > "$1/d$i/$j"; done; done',
      at('from'),
    );
    let turn = 0;
    const swaps: Promise<unknown>[] = [];
    const { files: count } = await copied(() => {
      turn += 1;
      if (turn > 30) return;
      const name = at(`from/d${turn}`);
      const swap =
        turn % 2 === 0
          ? rm(name, { recursive: true })
          : rename(name, at(`aside${turn}`)).then(() => symlink(at('outside'), name));
      swaps.push(swap.catch(() => undefined)); // rm races with nobody else: what it cannot do is seen below
    });
    await Promise.all(swaps);
    expect(count).toBeGreaterThan(0);
    expect(await sh('find "$1" -type f -name secret', at('to'))).toBe('');
    await sh('rm -rf "$1"/aside*', folder);
    // A later one finds a tree that holds still.
    await copied();
    expect(await describeTree(at('to'))).toBe(await describeTree(at('from')));
  });

  it('ends at the signal, and with the first failure', async () => {
    await sh('mkdir "$1"; echo x > "$1/file"', at('from'));
    await expect(files.copyTree(at('from'), at('to'), AbortSignal.abort())).rejects.toMatchObject({
      code: 'cancelled',
    });
    await expect(files.copyTree(at('none'), at('to'), soon())).rejects.toMatchObject({ code: 'ENOENT' });
    await writeFile(at('file'), '');
    await expect(files.copyTree(at('from'), at('file'), soon())).rejects.toMatchObject({ code: 'ENOTDIR' });
    await symlink('/tmp', at('link'));
    await expect(files.copyTree(at('from'), at('link'), soon())).rejects.toBeDefined();
  });
});

describe('copying a deep tree', () => {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-copy-tree-'));
  });
  afterEach(() => sh('rm -rf "$1"', folder));

  it('takes folders that lie deeper than any path, up to a limit', async () => {
    await mkdir(at('from'));
    await sh('python3 -c "$1" "$2" 600 30', DEEP, at('from'));
    await copied();
    expect(await sh('python3 -c "$1" "$2" 30', DEPTH, at('to'))).toBe('600 end');
    await sh('rm -rf "$1" "$2"; mkdir "$1"; python3 -c "$3" "$1" 2100 1', at('from'), at('to'), DEEP);
    await expect(copied()).rejects.toMatchObject({
      code: 'precondition',
      message: expect.stringContaining('2048 deep'),
    });
  });
});

/** A chain of so many folders, whose names are so long, with a file in the last. */
const DEEP = `
import os, sys
os.chdir(sys.argv[1])
for i in range(int(sys.argv[2])):
    name = 'n' * int(sys.argv[3]); os.mkdir(name); os.chdir(name)
open('end', 'w').write('end')
`;
const DEPTH = `
import os, sys
os.chdir(sys.argv[1])
depth = 0
name = 'n' * int(sys.argv[2])
while os.path.isdir(name):
    os.chdir(name); depth += 1
print(depth, open('end').read())
`;
