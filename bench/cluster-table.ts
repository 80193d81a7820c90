import type { ClassResult, ClusterResult } from './cluster.ts';
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
export function clusterTable(result: ClusterResult): string {
  const { classes, manyPods, brokenOff } = result;
  const last = classes.at(-1);
  const rows = classes.map((one) => [
    one.storageClass,
    seconds(one.oneMs),
    ratio(one.oneMs, last?.oneMs ?? []),
    seconds(one.manyMs),
    ratio(one.manyMs, last?.manyMs ?? []),
  ]);
  return [
    table(['class', 'claim to running pod', 'ratio', `${manyPods} at once`, 'ratio'], rows),
    `Times are medians; ratios to ${last?.storageClass}, medians of the rounds' with their 95 % interval.`,
    callTable(classes),
    ...(brokenOff === undefined ? [] : [`Broken off: ${brokenOff}`]),
  ].join('\n\n');
}

function callTable(classes: readonly ClassResult[]): string {
  const last = classes.at(-1);
  const rows = METHODS.map((method) => [method, ...classes.map((one) => callText(one, method))]);
  const sums = classes.map((one) => {
    const ofLast = last === undefined || one === last ? '' : ` (${(perVolumeMs(one) / perVolumeMs(last)).toFixed(2)})`;
    return `${perVolumeMs(one).toFixed(1)}${ofLast}`;
  });
  return table(
    ['ms in calls, for each volume', ...classes.map(({ storageClass }) => storageClass)],
    [...rows, ['all of them (ratio)', ...sums]],
  );
}

/** How long all calls of the method took for each volume, and how often it was called for one where that is not once. */
function callText({ calls, volumes }: ClassResult, method: string): string {
  const found = calls[method];
  if (found === undefined || found.count === 0) return 'none';
  const times = found.count / volumes;
  const often = Math.abs(times - 1) < 0.005 ? '' : ` (called ${times.toFixed(2)} times)`;
  return `${((found.seconds / volumes) * 1000).toFixed(1)}${often}`;
}

function perVolumeMs({ calls, volumes }: ClassResult): number {
  const seconds = METHODS.reduce((sum, method) => sum + (calls[method]?.seconds ?? 0), 0);
  return (seconds / volumes) * 1000;
}

const seconds = (tookMs: readonly number[]) => `${(median(tookMs) / 1000).toFixed(2)} s`;

function ratio(ours: readonly number[], theirs: readonly number[]): string {
  if (ours === theirs) return '';
  const ratios = theirs.map((tookMs, round) => (ours[round] ?? Number.NaN) / tookMs);
  return spreadText(medianSpread(ratios.slice(0, ours.length)));
}
