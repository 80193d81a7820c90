/** Random numbers that are the same for the same seed (mulberry32), so that what failed can be run again. */
export interface Random {
  /** An integer from 0 up to, not including, `end`. */
  below(end: number): number;
  pick<Value>(values: readonly Value[]): Value | undefined;
}

/** The seed of this run: STOWAGE_FAULTS_SEED, or 1. */
export const SEED = Number(process.env.STOWAGE_FAULTS_SEED ?? 1);

export function seeded(seed: number): Random {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return { below, pick: (values) => values[below(values.length)] };
}

/** A seed for one of many parts of a run, from its name. */
export function seedOf(name: string): number {
  return [...name].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16777619), SEED + 2166136261);
}
