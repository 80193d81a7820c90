import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { missingRequirements } from '../../../src/cli/demo/requirements.ts';
import type { FileStat, FileSystemStat } from '../../../src/host/files.ts';

const GIB = 1024 ** 3;
const PROGRAMS = ['mkfs.xfs', 'mkfs.ext4', 'resize2fs', 'mount', 'umount', 'losetup'];

const device: FileStat = {
  type: 'character',
  mode: 0o660,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  allocatedBytes: 0,
  device: 5,
  rdev: 1,
  inode: 1,
  modifiedAtMs: 0,
};

const fileSystem: FileSystemStat = {
  type: 'ext',
  totalBytes: 8 * GIB,
  freeBytes: 3 * GIB,
  availableBytes: 3 * GIB,
  totalInodes: 1,
  freeInodes: 1,
};

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-programs-'));
  for (const name of PROGRAMS) {
    await writeFile(join(folder, name), '');
    await chmod(join(folder, name), 0o755);
  }
});

afterEach(() => rm(folder, { recursive: true }));

function missing(changes: { platform?: string; userId?: number; loop?: boolean; neededBytes?: number } = {}) {
  const { platform = 'linux', userId = 0, loop = true, neededBytes = GIB } = changes;
  const machine = { platform, userId, programFolders: ['/nowhere', folder], temporaryFolder: '/tmp' };
  const files = { stat: async () => (loop ? device : undefined), statfs: async () => fileSystem };
  return missingRequirements(machine, files, neededBytes);
}

describe('missingRequirements', () => {
  it('is content with root, programs, loop devices and room', async () => expect(await missing()).toEqual([]));

  it('names root', async () => expect(await missing({ userId: 1000 })).toEqual([expect.stringMatching(/^root.*sudo/)]));

  it('asks for nothing but Linux elsewhere', async () =>
    expect(await missing({ platform: 'darwin', userId: 501 })).toEqual([expect.stringContaining('Linux')]));

  it('names missing programs, also such that may not be run, with their packages', async () => {
    await rm(join(folder, 'mkfs.xfs'));
    await chmod(join(folder, 'resize2fs'), 0o644);
    expect(await missing()).toEqual([
      'the program mkfs.xfs: apt-get install xfsprogs',
      'the program resize2fs: apt-get install e2fsprogs',
    ]);
  });

  it('names loop devices', async () =>
    expect(await missing({ loop: false })).toEqual([expect.stringContaining('loop')]));

  it('says how much room is needed and there, and where', async () =>
    expect(await missing({ neededBytes: 4 * GIB })).toEqual([
      expect.stringMatching(/^4 GiB free in \/tmp.*3 GiB.*TMPDIR/),
    ]));
});
