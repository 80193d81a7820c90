import type { DataPathMeasurement, DataPathResult } from './data-path.ts';
import type { NfsResult } from './nfs.ts';
import { figures, medianRatio, type Pair, type Results, ratio } from './results.ts';
import type { Measurement } from './rounds.ts';
import { median, type Spread } from './stats.ts';

/** One line of the verdict. */
export interface Verdict {
  readonly what: string;
  readonly peer: string; // csi-driver-host-path's figure, where it was taken
  readonly measured: string;
  readonly target: string;
  readonly met: boolean | undefined; // undefined: not measured
}

/** p50 against the null driver's, at most; with what csi-driver-host-path takes. */
const RATIOS = [
  { phase: 'NodePublishVolume', peer: '12.7', target: 2.5 },
  { phase: 'NodeUnpublishVolume', peer: '15.6', target: 2.5 },
  { phase: 'CreateVolume', peer: '1.2 (nothing durable)', target: 3.5 },
  { phase: 'DeleteVolume', peer: '1.6 (nothing durable)', target: 3.5 },
  { phase: 'NodeGetVolumeStats', peer: '5.2', target: 2 },
] as const;

/** Judges the results by the targets of the first release. */
export function judge(results: Results): Verdict[] {
  return [
    ...RATIOS.map(({ phase, peer, target }) => {
      const found = phaseRatio(results, { phase, existingVolumes: 0, inFlight: 1 });
      return atMost(`${phase}, p50 to null`, peer, found, target, '');
    }),
    ...['CreateVolume', 'DeleteVolume'].map((phase) => growth(results, phase)),
    throughput(results),
    atMost('snapshot of 256 MiB', '10 s', point(results.snapshotMs), 100, ' ms'),
    atMost('restore of 256 MiB', '1.8 s', point(results.restoreMs), 100, ' ms'),
    atMost('start to first answer, to null', '0.04', ratioOf(results.starts), 1, ''),
    atMost('memory idle, to null', '0.25', ratioOf(results.idleBytes), 1.2, ''),
    atMost(
      `memory at ${results.loadedBytes?.existingVolumes ?? 10_000} volumes, to null`,
      '0.8',
      ratioOf(results.loadedBytes?.pair),
      1.5,
      '',
    ),
    atMost(`ListVolumes of 100 at ${results.scale?.records ?? 100_000}`, '', point(results.scale?.listMs), 50, ' ms'),
    atMost(
      `recovery of ${results.scale?.records ?? 100_000} records`,
      '',
      point(results.scale?.recoveryMs),
      3000,
      ' ms',
    ),
    ...(results.dataPath === undefined ? [] : judgeDataPath(results.dataPath)),
  ];
}

/** A raw file's speed through a file system of its own on a loop device; and what a copy may take that copies nothing. */
const LEAST_IMAGE_RATIO = 0.95;
const MOST_COPY_RATIO = 0.1;
/** What is between their volumes and the disk (thin provisioning) is not ours: measured, not judged. */
const LAYERED = ['lvm'];

export function judgeDataPath({ jobs, copies }: DataPathResult): Verdict[] {
  return [
    ...jobs.filter(({ backend }) => !LAYERED.includes(backend)).map(judgeJob),
    ...copies.flatMap(({ title, bytes, snapshotMs, cloneMs, copyMs }) => {
      const what = (kind: string) => `${title}: ${kind} of ${bytes / 1024 ** 2} MiB, to a copy`;
      return [
        atMost(what('snapshot'), '', ratio(snapshotMs, copyMs), MOST_COPY_RATIO, ''),
        atMost(what('clone'), '', ratio(cloneMs, copyMs), MOST_COPY_RATIO, ''),
      ];
    }),
  ];
}

/** Whatever has no layer of its own between a volume and its disk is as fast as a plain file, within the noise: 1 is in the interval, or below it. */
function judgeJob({ backend, title, job, pairs }: DataPathMeasurement): Verdict {
  const found = medianRatio(pairs);
  const verdict = atMost(`${title}: ${job}, to a plain file`, '', found, 1, '');
  if (backend === 'image')
    return { ...verdict, target: `at least ${LEAST_IMAGE_RATIO}`, met: found && found.median >= LEAST_IMAGE_RATIO };
  return { ...verdict, target: '1 within noise', met: found && found.most >= 1 };
}

/** p50 against the null driver's, at most; with what csi-driver-nfs takes. Its publish is a mount of its own, ours a bind after one mount for each volume. */
const NFS_RATIOS = [
  { phase: 'CreateVolume', peer: '66', target: 5 },
  { phase: 'DeleteVolume', peer: '96', target: 5 },
  { phase: 'NodePublishVolume', peer: '42', target: 4 },
  { phase: 'NodeUnpublishVolume', peer: '31', target: 4 },
] as const;

/** Judges the NFS driver's share mode. */
export function judgeNfs({ rounds, tree, many }: NfsResult): Verdict[] {
  const what = `of ${tree.bytes / 1024 ** 2} MiB, to writing it`;
  const count = `${many.volumes} volumes at ${many.inFlight} in flight`;
  return [
    ...NFS_RATIOS.map(({ phase, peer, target }) => {
      const found = phaseRatio(rounds, { phase, existingVolumes: 0, inFlight: 1 });
      return atMost(`${phase}, p50 to null`, peer, found, target, '');
    }),
    growth(rounds, 'CreateVolume'),
    growth(rounds, 'DeleteVolume'),
    atMost(`snapshot ${what}`, '3.6 to 5.5', ratio(tree.snapshotMs, tree.writeMs), 0.1, ''),
    atMost(`restore ${what}`, '0.7 to 0.9', ratio(tree.restoreMs, tree.writeMs), 0.1, ''),
    atMost(`mounts after ${count}`, 'one each', point(many.mounts), 2, ''),
    atMost(
      `memory after ${count}, to idle`,
      '',
      ratioOf({ ours: many.loadedBytes, yardstick: many.idleBytes }),
      1.5,
      '',
    ),
  ];
}

type Key = Pick<Measurement, 'phase' | 'existingVolumes' | 'inFlight'>;

export function phaseRatio(results: Results, key: Key): Spread | undefined {
  return ratio(figures(results, results.subject, key, 'p50Ms'), figures(results, 'null', key, 'p50Ms'));
}

/** The most existing volumes against none: by the ratios to the null driver, so that a machine that got slower in between does not count. */
function growth(results: Results, phase: string): Verdict {
  const most = Math.max(0, ...results.measurements.map(({ existingVolumes }) => existingVolumes));
  const empty = phaseRatio(results, { phase, existingVolumes: 0, inFlight: 1 });
  const full = most === 0 ? undefined : phaseRatio(results, { phase, existingVolumes: most, inFlight: 1 });
  const found =
    empty === undefined || full === undefined
      ? undefined
      : {
          median: full.median / empty.median,
          least: full.least / empty.most,
          most: full.most / empty.least,
        };
  return atMost(`${phase} at ${most} volumes against 0`, '8.9', found, 1.2, '');
}

/** What eight in flight gain, as a part of what the null driver gains. */
function throughput(results: Results): Verdict {
  const gain = (subject: string) => {
    const perSecond = (inFlight: number) =>
      figures(results, subject, { phase: 'NodePublishVolume', existingVolumes: 0, inFlight }, 'perSecond');
    return median(perSecond(8)) / median(perSecond(1));
  };
  const part = gain(results.subject) / gain('null');
  const met = Number.isNaN(part) ? undefined : part >= 0.9;
  const measured =
    met === undefined ? '' : `${gain(results.subject).toFixed(2)} / ${gain('null').toFixed(2)} = ${part.toFixed(2)}`;
  return {
    what: 'NodePublishVolume, gain of 8 in flight, to null’s',
    peer: '1.0 alone',
    measured,
    target: 'at least 0.9',
    met,
  };
}

function atMost(what: string, peer: string, found: Spread | undefined, target: number, unit: string): Verdict {
  const digits = unit === '' ? 2 : 0;
  const text = (value: number) => value.toFixed(digits);
  const measured =
    found === undefined
      ? ''
      : `${text(found.median)}${unit}${found.least === found.most ? '' : ` (${text(found.least)} to ${text(found.most)})`}`;
  const met = found === undefined ? undefined : found.median <= target;
  return { what, peer, measured, target: `at most ${target}${unit}`, met };
}

function point(values: readonly number[] | number | undefined): Spread | undefined {
  const list = values === undefined ? [] : typeof values === 'number' ? [values] : values;
  if (list.length === 0) return undefined;
  return { median: median(list), least: Math.min(...list), most: Math.max(...list) };
}

function ratioOf(pairs: readonly Pair[] | Pair | undefined): Spread | undefined {
  const list = pairs === undefined ? [] : 'ours' in pairs ? [pairs] : pairs;
  return ratio(
    list.map(({ ours }) => ours),
    list.map(({ yardstick }) => yardstick),
  );
}
