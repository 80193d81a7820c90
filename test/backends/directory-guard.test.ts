import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { Backend, Item } from '../../src/backends/backend.ts';
import { createBackend } from '../../src/backends/registry.ts';
import type { Host } from '../../src/host/host.ts';
import type { ProjectUsage, TreeRepair } from '../../src/host/quota.ts';
import { createHost } from '../../src/host/system.ts';
import { makePool, type TestPool } from '../support/pools.ts';
import { directoryConfig } from './configs.ts';

/** When the guard of a directory pool scans. What a scan does is tested in the lab, which has quotas: test/lab/guard.test.ts. */
const MIB = 1024 ** 2;
const MINUTE_MS = 60_000;
const INTERVAL_MS = 10 * MINUTE_MS;
const CLEAN: TreeRepair = { entries: 1, repaired: 0, failed: 0, example: undefined };

let pool: TestPool;
let usages: Map<number, ProjectUsage> | undefined;
let answer: () => Promise<TreeRepair>;
let scans: number;
let warnings: string[];
let backend: Backend;

const volume: Item = {
  kind: 'volume',
  id: 'stw1v-a',
  folder: 'a',
  sizeBytes: 8 * MIB,
  reservedBytes: 8 * MIB,
  layout: { backend: 'directory', projectId: 7, inodeLimit: 0 },
};

function use(usedBytes: number, limitBytes = 0): ProjectUsage {
  return { usedBytes, limitBytes, usedInodes: 1, limitInodes: 0 };
}

function begin(change: { quotaScanIntervalMs?: number; quota?: 'advisory' } = {}): void {
  const real = createHost();
  const host: Host = {
    ...real,
    quotas: {
      ...real.quotas,
      usages: async () => usages,
      repairTree: () => {
        scans++;
        return answer();
      },
    },
  };
  const log = {
    info: () => undefined,
    warn: (_fields: object, message: string) => void warnings.push(message),
    error: () => undefined,
  };
  const { quota = 'enforced', ...keys } = change;
  backend = createBackend({ ...directoryConfig(pool.path, quota), ...keys }, { host, log });
}

/** Lets time pass, then looks. @returns the number of scans that it did, and what it says of the volume */
async function look(afterMs: number, items: readonly Item[] = [volume], signal = new AbortController().signal) {
  jest.advanceTimersByTime(afterMs);
  const before = scans;
  const findings = (await backend.guard?.(items, signal)) ?? [];
  return { scans: scans - before, findings };
}

beforeEach(async () => {
  pool = await makePool('folder');
  await mkdir(join(pool.path, 'volumes', 'a'));
  usages = new Map([
    [0, use(MIB)],
    [7, use(MIB, 8 * MIB)],
  ]);
  answer = async () => CLEAN;
  scans = 0;
  warnings = [];
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  begin();
});
afterEach(async () => {
  jest.useRealTimers();
  await pool.cleanup();
});

it('scans at first, and then at its interval', async () => {
  expect(await look(0)).toEqual({ scans: 1, findings: [] });
  for (let minute = 1; minute < 10; minute++) expect((await look(MINUTE_MS)).scans).toBe(0);
  expect((await look(MINUTE_MS)).scans).toBe(1);
});

it.each<[string, () => void]>([
  ['a project that nobody limits appears', () => usages?.set(4711, use(4096))],
  ['much more is in project 0', () => usages?.set(0, use(18 * MIB))],
  ['a volume uses more than its limit', () => usages?.set(7, use(10 * MIB, 8 * MIB))],
  [
    'there are too many projects to look at',
    () => {
      usages = undefined;
    },
  ],
])('scans at once when %s, and less often when that was nothing', async (_sign, appear) => {
  await look(0);
  expect((await look(MINUTE_MS)).scans).toBe(0);
  appear();
  expect(warnings).toEqual([]);
  expect((await look(MINUTE_MS)).scans).toBe(1);
  expect(warnings).toEqual([expect.stringContaining('no file of a volume explains it')]);
  usages = new Map([...(usages ?? []), [4712, use(4096)]]);
  expect((await look(MINUTE_MS)).scans).toBe(0); // two minutes of quiet now
  expect((await look(MINUTE_MS)).scans).toBe(1);
});

it.each<[string, () => void]>([
  ['a little more is in project 0', () => usages?.set(0, use(2 * MIB))],
  ['there is a project with a limit: that of another pool', () => usages?.set(99, use(64 * MIB, 128 * MIB))],
  ['a volume is full', () => usages?.set(7, use(8 * MIB, 8 * MIB))],
])('does not scan when %s', async (_sign, appear) => {
  await look(0);
  appear();
  expect((await look(2 * MINUTE_MS)).scans).toBe(0);
});

it('reports what it found once as new, and until a scan finds nothing', async () => {
  answer = async () => ({ entries: 9, repaired: 2, failed: 1, example: { path: 'a/b', projectId: 5 } });
  const first = await look(0);
  expect(first.findings).toMatchObject([{ item: volume, escapes: 3 }]);
  expect(first.findings[0]?.problem).toContain('"a/b" (to project 5); 2 were set back. 1 of them could not');
  expect((await look(MINUTE_MS)).findings).toMatchObject([{ escapes: 0, problem: first.findings[0]?.problem }]);
  answer = async () => CLEAN;
  expect((await look(INTERVAL_MS)).findings).toEqual([]);
});

it('reports a volume that it could not look through, and forgets one that is gone', async () => {
  answer = () =>
    Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO', errno: -5, syscall: 'ioctl' }));
  expect((await look(0)).findings).toMatchObject([{ escapes: 0, problem: expect.stringContaining('EIO') }]);
  expect(warnings).toEqual(['a volume could not be looked through for files outside its quota']);
  expect((await look(MINUTE_MS, [])).findings).toEqual([]);
});

it('passes over a volume that is not there: it is being made or removed', async () => {
  const missing = { ...volume, folder: 'missing' };
  answer = () => Promise.reject(Object.assign(new Error('ENOENT'), { code: 'ENOENT', errno: -2, syscall: 'open' }));
  expect((await look(0, [missing])).findings).toEqual([]);
});

it('ends with its signal, and scans again next time', async () => {
  const abort = new AbortController();
  answer = async () => {
    abort.abort(new Error('stopped'));
    throw abort.signal.reason;
  };
  await expect(look(0, [volume], abort.signal)).rejects.toThrow('stopped');
  answer = async () => CLEAN;
  expect((await look(0)).scans).toBe(1);
});

it('takes at most a tenth of the time', async () => {
  answer = async () => {
    jest.advanceTimersByTime(2 * INTERVAL_MS);
    return CLEAN;
  };
  await look(0);
  for (let times = 0; times < 17; times++) expect((await look(INTERVAL_MS)).scans).toBe(0);
  expect((await look(INTERVAL_MS)).scans).toBe(1);
});

it.each([{ quotaScanIntervalMs: 0 }, { quota: 'advisory' as const }])('does nothing with %j', async (change) => {
  begin(change);
  expect(await look(0)).toEqual({ scans: 0, findings: [] });
});
