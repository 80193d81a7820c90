import type { ClassResult, ClusterResult } from './cluster.ts';
import { spreadText, table } from './markdown.ts';
import { median, medianSpread } from './stats.ts';

const METHODS = ['NodeStageVolume', 'NodePublishVolume'];

/** Each class beside the last one, round by round. As markdown. */
export function clusterTable({ classes, manyPods }: ClusterResult): string {
  const last = classes.at(-1);
  const header = ['class', 'claim to running pod', 'ratio', `${manyPods} at once`, 'ratio'];
  const rows = classes.map((one) => [
    one.storageClass,
    seconds(one.oneMs),
    ratio(one.oneMs, last?.oneMs ?? []),
    seconds(one.manyMs),
    ratio(one.manyMs, last?.manyMs ?? []),
    ...METHODS.map((method) => mean(one, method)),
  ]);
  return [
    table([...header, ...METHODS.map((method) => `in ${method}, mean`)], rows),
    `Times are medians; ratios to ${last?.storageClass}, medians of the rounds' with their 95 % interval.`,
  ].join('\n\n');
}

const seconds = (tookMs: readonly number[]) => `${(median(tookMs) / 1000).toFixed(2)} s`;

function ratio(ours: readonly number[], theirs: readonly number[]): string {
  if (ours === theirs) return '';
  return spreadText(medianSpread(ours.map((tookMs, round) => tookMs / (theirs[round] ?? Number.NaN))));
}

function mean({ calls }: ClassResult, method: string): string {
  const found = calls[method];
  return found === undefined || found.count === 0 ? 'none' : `${((found.seconds / found.count) * 1000).toFixed(1)} ms`;
}
