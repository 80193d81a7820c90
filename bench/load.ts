import { type Summary, summarize } from './stats.ts';

/**
 * Calls `action` with 0 to count - 1, at most `inFlight` at a time, and times each.
 * Rejects with the first error, after all that runs has ended.
 */
export async function load(
  count: number,
  inFlight: number,
  action: (index: number) => Promise<unknown>,
): Promise<Summary> {
  const latenciesMs: number[] = [];
  let next = 0;
  let failure: unknown;
  const work = async () => {
    while (next < count && failure === undefined) {
      const index = next++;
      const startedMs = performance.now();
      try {
        await action(index);
      } catch (error) {
        failure ??= error;
      }
      latenciesMs.push(performance.now() - startedMs);
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, work));
  if (failure !== undefined) throw failure;
  return summarize(latenciesMs, performance.now() - startedMs);
}
