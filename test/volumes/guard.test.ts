import { expect, it } from '@jest/globals';
import type { GuardFinding } from '../../src/backends/backend.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { createGuard } from '../../src/volumes/guard.ts';

const ITEM = {
  kind: 'volume',
  id: 'stw1v-a',
  folder: 'a',
  sizeBytes: 1,
  reservedBytes: 1,
  layout: { backend: 'directory', projectId: 7, inodeLimit: 0 },
} as const;
const ESCAPED: GuardFinding = { item: ITEM, problem: 'it got round its size', escapes: 2 };

/** A guard whose backend finds what the test says next. */
async function setUp() {
  const metrics = await createMetrics();
  const logged: string[] = [];
  const log = createLog('warn', { write: (line: string) => void logged.push(line) });
  let next: (signal: AbortSignal) => Promise<readonly GuardFinding[]> = async () => [];
  const guard = createGuard({
    pool: 'p',
    guard: (_items, signal) => next(signal),
    items: () => [ITEM],
    check: async () => undefined,
    periodMs: 60_000,
    log,
    metrics,
  });
  const find = (findings: typeof next) => {
    next = findings;
    return guard.run();
  };
  const counted = async () => /^stowage_quota_escapes_total.*$/m.exec(await metrics.registry.metrics())?.[0];
  return { guard, find, logged, counted };
}

it('counts, logs and remembers what its backend found', async () => {
  const { guard, find, logged, counted } = await setUp();
  guard.start();
  expect(await counted()).toBe('stowage_quota_escapes_total{pool="p"} 0');
  await find(async () => [ESCAPED]);
  expect(await counted()).toBe('stowage_quota_escapes_total{pool="p"} 2');
  expect(guard.problemOf(ITEM.id)).toBe('it got round its size');
  expect(logged.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'warn', pool: 'p', volume: ITEM.id, escapes: 2, problem: 'it got round its size' },
  ]);
  await find(async () => [{ ...ESCAPED, escapes: 0 }]); // the same, from before
  expect(await counted()).toBe('stowage_quota_escapes_total{pool="p"} 2');
  expect(logged).toHaveLength(1);
  await find(async () => []);
  expect(guard.problemOf(ITEM.id)).toBeUndefined();
  await guard.stop();
});

it('keeps what it knows and says why where a run fails', async () => {
  const { guard, find, logged } = await setUp();
  await find(async () => [ESCAPED]);
  await find(async () => {
    throw new Error('the disk burns');
  });
  expect(guard.problemOf(ITEM.id)).toBe('it got round its size');
  expect(logged[1]).toContain('the disk burns');
});

it('ends the run under way when it is stopped, without a word, and begins no more', async () => {
  const { guard, find, logged } = await setUp();
  await new Promise<void>((began) => {
    void find((signal) => {
      began();
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
  });
  await guard.stop();
  await find(async () => [ESCAPED]);
  expect(guard.problemOf(ITEM.id)).toBeUndefined();
  expect(logged).toEqual([]);
});
