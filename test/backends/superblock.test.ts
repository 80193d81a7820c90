import { execFile } from 'node:child_process';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parseSuperblock, SUPERBLOCK_BYTES } from '../../src/backends/block/superblock.ts';

const run = promisify(execFile);
const GIB = 1024 ** 3;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-superblock-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The start of a sparse file in which a program has made a file system. */
async function startOf(sizeBytes: number, program: string, ...args: string[]): Promise<Uint8Array> {
  const file = join(folder, 'disk.img');
  await writeFile(file, '');
  const handle = await open(file, 'r+');
  try {
    await handle.truncate(sizeBytes);
    await run(program, [...args, file]);
    const { buffer } = await handle.read(Buffer.alloc(SUPERBLOCK_BYTES), 0, SUPERBLOCK_BYTES, 0);
    return buffer;
  } finally {
    await handle.close();
    await rm(file);
  }
}

it.each([
  { fsType: 'ext4', blockSizeBytes: 4096, sizeBytes: GIB, command: ['mkfs.ext4', '-qF', '-b', '4096'] },
  { fsType: 'ext4', blockSizeBytes: 1024, sizeBytes: GIB / 8, command: ['mkfs.ext4', '-qF', '-b', '1024'] },
  // Only with 64 bits are there more than 2^32 blocks; without, what lies where their upper half would be is not of the count.
  {
    fsType: 'ext4',
    blockSizeBytes: 1024,
    sizeBytes: GIB / 8,
    command: ['mkfs.ext4', '-qF', '-b', '1024', '-O', '^64bit'],
  },
  { fsType: 'xfs', blockSizeBytes: 4096, sizeBytes: GIB, command: ['mkfs.xfs', '-q'] },
  { fsType: 'xfs', blockSizeBytes: 1024, sizeBytes: GIB, command: ['mkfs.xfs', '-q', '-b', 'size=1024'] },
  { fsType: 'xfs', blockSizeBytes: 1024, sizeBytes: 5000 * GIB, command: ['mkfs.xfs', '-q', '-b', 'size=1024'] },
] as const)(
  'reads what $command wrote for $sizeBytes bytes',
  async ({ fsType, blockSizeBytes, sizeBytes, command }) => {
    const [program, ...args] = command;
    const start = await startOf(sizeBytes, program, ...args);
    expect(parseSuperblock(start, fsType)).toEqual({ blockSizeBytes, sizeBytes });
    expect(parseSuperblock(start, fsType === 'xfs' ? 'ext4' : 'xfs')).toBeUndefined();
  },
);

it('counts blocks beyond 2^32', async () => {
  const start = Buffer.from(await startOf(GIB, 'mkfs.ext4', '-qF', '-b', '4096'));
  start.writeUInt32LE(3, 1024 + 0x150);
  expect(parseSuperblock(start, 'ext4')?.sizeBytes).toBe(3 * 2 ** 32 * 4096 + GIB);
});

it('finds none in zeros, and in less than a superblock', async () => {
  for (const length of [0, 100, SUPERBLOCK_BYTES]) {
    for (const fsType of ['ext4', 'xfs'] as const)
      expect(parseSuperblock(new Uint8Array(length), fsType)).toBeUndefined();
  }
});
