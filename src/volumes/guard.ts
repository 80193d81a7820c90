import type { Backend, Item } from '../backends/backend.ts';
import type { PoolConfig } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { GuardMetrics } from '../telemetry/metrics.ts';

/** How often the quotas are looked at; a scan of the trees is rarer. */
const PERIOD_MS = 60_000;
const PERIOD_MIN_MS = 1_000;

/** The time between the end of one run of the pool's guard and the next one. */
export function guardPeriodMs(config: PoolConfig): number {
  if (config.backend !== 'directory' || config.quotaScanIntervalMs === 0) return PERIOD_MS;
  return Math.max(PERIOD_MIN_MS, Math.min(PERIOD_MS, config.quotaScanIntervalMs));
}

/** Runs a backend's guard in the background, and remembers what it found. */
export interface Guard {
  /** What is wrong with the volume, as the last run found; undefined where nothing is. */
  problemOf(volumeId: string): string | undefined;
  /** Begins: the first run is one period away, the next ones a period after the end of the one before. */
  start(): void;
  /** Runs once, now or after the run under way (tests). */
  run(): Promise<void>;
  /** Ends the run under way and begins no more. */
  stop(): Promise<void>;
}

/**
 * @param options.guard undefined where the backend has none
 * @param options.check the pool's; while it is away nothing is run, and what was found stays
 */
export function createGuard(options: {
  pool: string;
  guard: Backend['guard'];
  items: () => readonly Item[];
  check: () => Promise<unknown>;
  periodMs: number;
  log: Logger;
  metrics: GuardMetrics;
}): Guard {
  const { pool, guard, items, check, periodMs, log, metrics } = options;
  const abort = new AbortController();
  let problems: ReadonlyMap<string, string> = new Map();
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  async function runOnce(): Promise<void> {
    if (guard === undefined || abort.signal.aborted) return;
    try {
      await check();
      const findings = await guard(items(), abort.signal);
      problems = new Map(findings.map(({ item, problem }) => [item.id, problem]));
      for (const { item, problem, escapes } of findings) {
        if (escapes === 0) continue;
        metrics.countQuotaEscapes(pool, escapes);
        log.warn({ pool, volume: item.id, escapes, problem }, 'a volume got round its size');
      }
    } catch (error) {
      if (!abort.signal.aborted)
        log.warn({ pool, error: messageOf(error) }, "the pool's sizes could not be guarded; trying again later");
    }
  }

  function run(): Promise<void> {
    running = running.then(runOnce);
    return running;
  }

  function begin(): void {
    if (guard === undefined || abort.signal.aborted) return;
    metrics.countQuotaEscapes(pool, 0); // an alarm sees the first one only where there was a number before
    timer = setTimeout(() => void run().then(begin), periodMs).unref();
  }

  return {
    problemOf: (volumeId) => problems.get(volumeId),
    start: begin,
    run,
    async stop() {
      abort.abort();
      clearTimeout(timer);
      await running;
    },
  };
}
