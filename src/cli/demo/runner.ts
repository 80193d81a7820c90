import { formatMs, formatTable } from './format.ts';
import type { Screen } from './screen.ts';

export interface StepTime {
  readonly title: string;
  readonly durationMs: number;
}

/** Runs steps one after another, numbered, shown and timed. */
export interface Runner {
  /** Runs one step and gives what it gives. Rejects with its error, or with the signal's reason before it starts. */
  readonly run: <Result>(title: string, action: () => Promise<Result>) => Promise<Result>;
  readonly times: readonly StepTime[];
}

/** A runner that has run nothing yet. */
export function createRunner(screen: Screen, signal: AbortSignal): Runner {
  const times: StepTime[] = [];
  return {
    times,
    async run(title, action) {
      signal.throwIfAborted();
      screen.step(times.length + 1, title);
      const startedMs = performance.now();
      const result = await action();
      const durationMs = performance.now() - startedMs;
      times.push({ title, durationMs });
      screen.done(durationMs);
      return result;
    },
  };
}

/** The steps and how long each took, with the sum, as a table's lines. */
export function timeTable(times: readonly StepTime[]): string[] {
  const total = times.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return formatTable(
    [
      { title: '#', align: 'right' },
      { title: 'step', align: 'left' },
      { title: 'took', align: 'right' },
    ],
    [
      ...times.map(({ title, durationMs }, index) => [String(index + 1), title, formatMs(durationMs)]),
      ['', 'all', formatMs(total)],
    ],
  );
}
