import type { DataPathResult } from './data-path.ts';
import { PHASES } from './phases.ts';
import { figures, type Measure, medianRatio, type Results, ratio } from './results.ts';
import { median, type Spread } from './stats.ts';
import { phaseRatio, type Verdict } from './targets.ts';

/** Lines of a markdown table. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The verdict by targets, as markdown. */
export function verdictTable(verdicts: readonly Verdict[], peer = 'csi-driver-host-path'): string {
  return table(
    ['what', peer, 'measured: median (least to most)', 'target', 'met'],
    verdicts.map(({ what, peer, measured, target, met }) => [
      what,
      peer,
      measured,
      target,
      met === undefined ? 'not measured' : met ? 'yes' : '**no**',
    ]),
  );
}

/** Every RPC at every number of existing volumes and of calls in flight, as markdown. */
export function phaseTable(results: Results): string {
  const levels = [...new Set(results.measurements.map(({ existingVolumes }) => existingVolumes))];
  const flights = [...new Set(results.measurements.map(({ inFlight }) => inFlight))];
  const rows = PHASES.flatMap(({ name: phase }) =>
    levels.flatMap((existingVolumes) =>
      flights.flatMap((inFlight) => {
        const key = { phase, existingVolumes, inFlight };
        const ours = (measure: Measure) => figures(results, results.subject, key, measure);
        const found = phaseRatio(results, key);
        if (found === undefined) return [];
        return [
          [
            phase,
            String(existingVolumes),
            String(inFlight),
            median(ours('p50Ms')).toFixed(2),
            median(ours('p99Ms')).toFixed(2),
            median(ours('perSecond')).toFixed(0),
            median(figures(results, 'null', key, 'p50Ms')).toFixed(2),
            `${found.median.toFixed(2)} (${found.least.toFixed(2)} to ${found.most.toFixed(2)})`,
          ],
        ];
      }),
    ),
  );
  return table(['RPC', 'volumes', 'in flight', 'p50 ms', 'p99 ms', 'per second', 'null p50 ms', 'ratio of p50'], rows);
}

/** Each call of each backend, alone: its median, and the ratio to the null driver's, as markdown. */
export function backendCallTable(backends: readonly Results[]): string {
  const cell = (results: Results, phase: string) => {
    const key = { phase, existingVolumes: 0, inFlight: 1 };
    const found = phaseRatio(results, key);
    if (found === undefined) return 'none';
    return `${median(figures(results, results.subject, key, 'p50Ms')).toFixed(2)}: ${spreadText(found)}`;
  };
  const rows = PHASES.map(({ name }) => [name, ...backends.map((results) => cell(results, name))]);
  return table(['ms: ratio to null', ...backends.map(({ subject }) => subject)], rows);
}

const MIB = 1024 ** 2;

/** What goes through each backend's volume beside a plain file, and how long its copies take beside a plain one, as markdown. */
export function dataPathTable({ jobs, copies }: DataPathResult): string {
  const jobRows = jobs.map(({ title, job, pairs }) => {
    const [ours, plain] = [pairs.map((pair) => pair.ours), pairs.map((pair) => pair.yardstick)];
    return [title, job, perSecond(ours), perSecond(plain), spreadText(medianRatio(pairs))];
  });
  const copyRows = copies.flatMap(({ title, bytes, snapshotMs, cloneMs, copyMs }) =>
    [
      { what: 'snapshot', ms: snapshotMs },
      { what: 'clone', ms: cloneMs },
    ].map(({ what, ms }) => [
      ...[title, `${what} of ${bytes / MIB} MiB`, median(ms).toFixed(0), median(copyMs).toFixed(0)],
      spreadText(ratio(ms, copyMs), 3),
    ]),
  );
  return [
    table(['volume', 'job', 'volume MiB/s', 'plain file MiB/s', 'ratio: median (its 95 % interval)'], jobRows),
    ...(copyRows.length === 0
      ? []
      : [table(['volume', 'copy', 'ms', 'cp ms', 'ratio: median (least to most)'], copyRows)]),
  ].join('\n\n');
}

function perSecond(figuresOf: readonly number[]): string {
  return (median(figuresOf) / MIB).toFixed(0);
}

/** `0.98 (0.95 to 1.02)`; nothing where nothing was measured. */
export function spreadText(found: Spread | undefined, digits = 2): string {
  if (found === undefined) return '';
  const [middle, least, most] = [found.median, found.least, found.most].map((value) => value.toFixed(digits));
  return `${middle} (${least} to ${most})`;
}
