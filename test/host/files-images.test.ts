import { randomBytes } from 'node:crypto';
import { readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makePool, type PoolKind, type TestPool } from '../support/pools.ts';
import { makeFiles, sh, soon } from './files-setup.ts';

const files = makeFiles();
const MIB = 1024 ** 2;

function onPool(kind: PoolKind, tests: (at: (name: string) => string, folder: () => string) => void): void {
  describe(`on ${kind}`, () => {
    let pool: TestPool;
    beforeAll(async () => {
      pool = await makePool(kind);
    });
    afterAll(() => pool.cleanup());
    const folder = () => join(pool.path, 'volumes');
    tests((name) => join(folder(), name), folder);
  });
}

for (const kind of ['ext4', 'xfs', 'btrfs'] as const) {
  onPool(kind, (at, folder) => {
    it('makes a sparse file, once', async () => {
      await files.createSparse(at('sparse'), 500 * MIB);
      expect(await files.stat(at('sparse'))).toMatchObject({ sizeBytes: 500 * MIB, allocatedBytes: 0, mode: 0o600 });
      await expect(files.createSparse(at('sparse'), MIB)).rejects.toMatchObject({ code: 'EEXIST' });
      await symlink(at('nowhere'), at('link'));
      await expect(files.createSparse(at('link'), MIB)).rejects.toMatchObject({ code: 'EEXIST' });
      const { flags } = await flagsOf(at('sparse'));
      expect(flags.includes('C')).toBe(kind === 'btrfs');
    });

    if (kind === 'ext4') {
      it('leaves nothing of one that is too large for the file system', async () => {
        await expect(files.createSparse(at('huge'), 2 ** 50)).rejects.toMatchObject({ code: 'EFBIG' });
        expect(await readdir(folder())).not.toContain('huge');
      });
    }

    it('grows, and never shrinks', async () => {
      await writeFile(at('growing'), 'data');
      await files.grow(at('growing'), 8 * MIB);
      await files.grow(at('growing'), 8 * MIB);
      await expect(files.grow(at('growing'), 4 * MIB)).rejects.toMatchObject({ code: 'EINVAL' });
      expect((await stat(at('growing'))).size).toBe(8 * MIB);
      await expect(files.grow(at('none'), MIB)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('allocates all of a file', async () => {
      await files.createSparse(at('thick'), 16 * MIB);
      await files.allocate(at('thick'), 16 * MIB, soon());
      expect((await files.stat(at('thick')))?.allocatedBytes).toBeGreaterThanOrEqual(16 * MIB);
      await expect(files.allocate(at('thick'), 100 * 1024 * MIB, soon())).rejects.toThrow('No space left on device');
      await files.removeFile(at('thick')); // what was allocated stays: ext4 takes what there is
    });

    it(kind === 'ext4' ? 'cannot clone, and leaves nothing' : 'clones, also written-in-place files', async () => {
      expect(await files.canClone(folder())).toBe(kind !== 'ext4');
      await files.createSparse(at('source'), MIB);
      await writeFile(at('source'), randomBytes(MIB));
      if (kind === 'ext4') {
        await expect(files.clone(at('source'), at('clone'))).rejects.toMatchObject({ code: 'ENOTSUP' });
      } else {
        await files.clone(at('source'), at('clone'));
        await sh('cmp "$1" "$2"', at('source'), at('clone'));
        expect(await files.stat(at('clone'))).toMatchObject({ mode: 0o600 });
        await expect(files.clone(at('source'), at('clone'))).rejects.toMatchObject({ code: 'EEXIST' });
        await writeFile(at('ordinary'), randomBytes(MIB));
        await files.clone(at('ordinary'), at('ordinary clone'));
        expect((await flagsOf(at('ordinary clone'))).flags).not.toContain('C');
      }
      const left = await readdir(folder());
      expect(left.filter((name) => name.includes('probe'))).toEqual([]);
      expect(left.includes('clone')).toBe(kind !== 'ext4');
    });

    it('does not clone across file systems', async () => {
      await writeFile(at('here'), 'x');
      const other = await makePool('folder');
      try {
        await expect(files.clone(at('here'), join(other.path, 'there'))).rejects.toMatchObject({
          code: expect.stringMatching(/EXDEV|ENOTSUP/),
        });
        expect(await readdir(other.path)).not.toContain('there');
      } finally {
        await other.cleanup();
      }
    });
  });
}

/** lsattr(1); '' where the file system has no flags. */
async function flagsOf(path: string): Promise<{ flags: string }> {
  return { flags: (await sh('lsattr -d "$1" 2>&1 || true', path)).split(' ')[0] ?? '' };
}
