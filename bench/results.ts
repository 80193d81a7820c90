import type { DataPathResult } from './data-path.ts';
import type { Measurement } from './rounds.ts';
import { medianSpread, type Spread, spread } from './stats.ts';

/** A pair of figures of the two subjects, taken one right after the other. */
export interface Pair {
  readonly ours: number;
  readonly yardstick: number;
}

/** The median of the pairs' ratios with its interval of 95 %: medianSpread. */
export function medianRatio(pairs: readonly Pair[]): Spread | undefined {
  const figuresOf = (which: keyof Pair) => pairs.map((pair) => pair[which]);
  return ratio(figuresOf('ours'), figuresOf('yardstick'), medianSpread);
}

/** What is left out where only calls are measured. */
export const CALLS_ALONE = {
  starts: [],
  idleBytes: undefined,
  loadedBytes: undefined,
  snapshotMs: [],
  restoreMs: [],
  scale: undefined,
  dataPath: undefined,
} as const;

/** All that was measured; absent where the driver is foreign or the machine cannot. */
export interface Results {
  readonly subject: string;
  readonly measurements: readonly Measurement[];
  readonly starts: readonly Pair[]; // ms to the first answered Probe
  readonly idleBytes: Pair | undefined;
  readonly loadedBytes: { readonly existingVolumes: number; readonly pair: Pair } | undefined;
  readonly snapshotMs: readonly number[];
  readonly restoreMs: readonly number[];
  readonly scale: ScaleResult | undefined;
  readonly dataPath: DataPathResult | undefined;
}

export interface ScaleResult {
  readonly records: number;
  readonly listMs: number; // p50 of ListVolumes with 100 entries
  readonly listCount: number;
  readonly recoveryMs: number; // start to ready, less that of an empty pool
}

export type Measure = 'p50Ms' | 'p99Ms' | 'perSecond';

/** The figures of one phase in each round, of one subject. */
export function figures(
  { measurements }: Results,
  subject: string,
  key: Pick<Measurement, 'phase' | 'existingVolumes' | 'inFlight'>,
  measure: Measure,
): number[] {
  return measurements
    .filter(
      (one) =>
        one.subject === subject &&
        one.phase === key.phase &&
        one.existingVolumes === key.existingVolumes &&
        one.inFlight === key.inFlight,
    )
    .sort((a, b) => a.round - b.round)
    .map((one) => one[measure]);
}

/** The ratio of each round's figure to the yardstick's of the same round; undefined where there is none. */
export function ratio(ours: readonly number[], yardstick: readonly number[], sum = spread): Spread | undefined {
  const ratios = ours.flatMap((value, round) => {
    const other = yardstick[round];
    return other === undefined ? [] : [value / other];
  });
  return ratios.length === 0 ? undefined : sum(ratios);
}
