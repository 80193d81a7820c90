/** The latencies of one phase, summed up. */
export interface Summary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
}

/** The value below which `fraction` of the sorted values lie (nearest rank); NaN of nothing. */
export function percentile(sorted: readonly number[], fraction: number): number {
  const rank = Math.max(1, Math.ceil(fraction * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

/** The middle value, or the mean of the two middle ones; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return percentile(sorted, 0.5);
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** Sums up latencies of calls that together took `elapsedMs`. */
export function summarize(latenciesMs: readonly number[], elapsedMs: number): Summary {
  const sorted = [...latenciesMs].sort((a, b) => a - b);
  return {
    count: sorted.length,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    perSecond: (sorted.length / elapsedMs) * 1000,
  };
}

/** A figure from several rounds: the median, and the least and most as the measure of noise. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spread(values: readonly number[], middle = median(values)): Spread {
  return { median: middle, least: Math.min(...values), most: Math.max(...values) };
}

/** How sure the interval of a median is: at least this likely, the true median lies in it. */
const CONFIDENCE = 0.95;

/**
 * The interval in which the true median lies with a confidence of 95 %, by the sign test (order statistics), whatever the
 * distribution; up to five values it is all of them.
 */
export function medianSpread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const cut = valuesToCut(sorted.length);
  return spread(sorted.slice(cut, sorted.length - cut), median(sorted));
}

/** How many values at each end may lie outside the interval: both tails of the binomial distribution of 1/2 share the rest. */
function valuesToCut(count: number): number {
  let probability = 0.5 ** count; // that of `cut` values or fewer on one side
  let binomial = probability;
  let cut = 0;
  while (cut < count / 2 && 2 * probability <= 1 - CONFIDENCE) {
    cut++;
    binomial *= (count - cut + 1) / cut;
    probability += binomial;
  }
  return Math.max(0, cut - 1);
}
