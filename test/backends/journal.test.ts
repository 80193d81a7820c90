import { afterEach, expect, it } from '@jest/globals';
import { createJournal } from '../../src/backends/journal.ts';
import { createHost } from '../../src/host/system.ts';
import { makePool, type TestPool } from '../support/pools.ts';

let pool: TestPool | undefined;
afterEach(() => pool?.cleanup());

it.each([
  { kind: 'xfs', expected: true },
  { kind: 'ext4', expected: true },
  { kind: 'ext4-no-journal', expected: false },
  { kind: 'btrfs', expected: false },
] as const)('says of $kind whether it has one journal: $expected', async ({ kind, expected }) => {
  pool = await makePool(kind);
  expect(await createJournal(createHost(), pool.path)()).toBe(expected);
});

it('says no of a file system without a disk', async () => {
  expect(await createJournal(createHost(), '/proc')()).toBe(false);
});
