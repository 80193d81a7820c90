import type { ClassResult, ClusterResult, Rounds } from './cluster.ts';
import { spreadText, table } from './markdown.ts';
import { median, medianSpread } from './stats.ts';

/** Those of a volume's life; others are asked at other times, too. */
const METHODS = [
  'CreateVolume',
  'ControllerPublishVolume',
  'NodeStageVolume',
  'NodePublishVolume',
  'NodeUnpublishVolume',
  'NodeUnstageVolume',
  'ControllerUnpublishVolume',
  'DeleteVolume',
];

/** Each class beside the last one, round by round, and what their drivers' callers counted. As markdown. */
export function clusterTable({ classes, manyPods, brokenOff }: ClusterResult): string {
  const last = classes.at(-1);
  const rows = classes.map(({ storageClass, one, many }) => [
    storageClass,
    seconds(one.tookMs),
    ratio(one.tookMs, last?.one.tookMs ?? []),
    seconds(many.tookMs),
    ratio(many.tookMs, last?.many.tookMs ?? []),
  ]);
  return [
    table(['class', 'claim to running pod', 'ratio', `${manyPods} at once`, 'ratio'], rows),
    `Times are medians; ratios to ${last?.storageClass}, medians of the rounds' with their 95 % interval.`,
    callTable(classes, 'one', 1),
    ...(last?.many.tookMs.length ? [callTable(classes, 'many', manyPods)] : []),
    ...(brokenOff === undefined ? [] : [`Broken off: ${brokenOff}`]),
  ].join('\n\n');
}

/** What callers counted, for each volume, beside the last class. */
function callTable(classes: readonly ClassResult[], part: 'one' | 'many', pods: number): string {
  const rows = METHODS.map((method) => [method, ...classes.map((one) => callText(one[part], pods, method))]);
  const sums = classes.map((one) => perVolumeMs(one[part], pods));
  const lastSum = sums.at(-1) ?? Number.NaN;
  const sumTexts = sums.map((sum) => `${sum.toFixed(1)} (${(sum / lastSum).toFixed(2)})`);
  return table(
    [`ms in calls for a volume, ${pods} at once`, ...classes.map(({ storageClass }) => storageClass)],
    [...rows, ['all of them (ratio)', ...sumTexts]],
  );
}

/** How long all calls of the method took for each volume, and how often it was called for one where that is not once. */
function callText({ calls, tookMs }: Rounds, pods: number, method: string): string {
  const found = calls[method];
  if (found === undefined || found.count === 0) return 'none';
  const volumes = tookMs.length * pods;
  const times = found.count / volumes;
  const often = Math.abs(times - 1) < 0.005 ? '' : ` (called ${times.toFixed(2)} times)`;
  return `${((found.seconds / volumes) * 1000).toFixed(1)}${often}`;
}

function perVolumeMs({ calls, tookMs }: Rounds, pods: number): number {
  const seconds = METHODS.reduce((sum, method) => sum + (calls[method]?.seconds ?? 0), 0);
  return (seconds / (tookMs.length * pods)) * 1000;
}

const seconds = (tookMs: readonly number[]) =>
  tookMs.length === 0 ? 'none' : `${(median(tookMs) / 1000).toFixed(2)} s`;

function ratio(ours: readonly number[], theirs: readonly number[]): string {
  if (ours === theirs || ours.length * theirs.length === 0) return '';
  const ratios = theirs.map((tookMs, round) => (ours[round] ?? Number.NaN) / tookMs);
  return spreadText(medianSpread(ratios.slice(0, ours.length)));
}
