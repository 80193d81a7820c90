import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { makePool } from '../support/pools.ts';
import { btrfsConfig } from './configs.ts';
import { describeBackend } from './conformance.ts';

const run = promisify(execFile);
const SIZE_BYTES = 64 * 1024 ** 2;
const access = { type: 'mount', fsType: undefined } as const;

describeBackend('btrfs, simple quotas', {
  makePool: async () => {
    const pool = await makePool('btrfs', 4 * 1024 ** 3);
    return { config: btrfsConfig(pool.path, 'enforced'), cleanup: pool.cleanup };
  },
  access,
  sizeBytes: SIZE_BYTES,
  usageLacks: ['inodes', 'shared'],
});

describeBackend('btrfs, full quotas', {
  makePool: async () => {
    const pool = await makePool('btrfs', 4 * 1024 ** 3);
    await run('btrfs', ['quota', 'enable', pool.path]);
    return { config: btrfsConfig(pool.path, 'enforced'), cleanup: pool.cleanup };
  },
  access,
  sizeBytes: SIZE_BYTES,
  usageLacks: ['inodes'],
});

describeBackend('btrfs, advisory', {
  makePool: async () => {
    const pool = await makePool('btrfs', 4 * 1024 ** 3);
    return { config: btrfsConfig(pool.path, 'advisory'), cleanup: pool.cleanup };
  },
  access,
  sizeBytes: SIZE_BYTES,
  parts: ['lifecycle', 'copies'],
});
