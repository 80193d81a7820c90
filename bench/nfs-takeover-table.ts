import { spreadText, table } from './markdown.ts';
import { type Takeover, type TakeoverResult, UNDROPPED_MS } from './nfs-takeover.ts';
import { median, medianSpread } from './stats.ts';

const STEPS = [
  {
    name: 'ControllerUnpublishVolume: the first node is shut out',
    from: () => 0,
    to: (one: Takeover) => one.detachedMs,
  },
  {
    name: 'ControllerPublishVolume',
    from: (one: Takeover) => one.detachedMs,
    to: (one: Takeover) => one.attachedMs,
  },
  {
    name: 'NodeStageVolume, NodePublishVolume',
    from: (one: Takeover) => one.attachedMs,
    to: (one: Takeover) => one.mountedMs,
  },
  { name: 'the first write', from: (one: Takeover) => one.mountedMs, to: (one: Takeover) => one.writtenMs },
  { name: 'all of it', from: () => 0, to: (one: Takeover) => one.writtenMs },
] as const;

/** Each step, where the first node holds something beside where it does not. As markdown. */
export function takeoverTable({ pairs, undroppedMs }: TakeoverResult): string {
  const tables = pairs.map(({ what, busy, idle }) =>
    table(
      [`the first node has ${what}`, 'ms', 'ms where it has nothing', 'ratio: median (its 95 % interval)'],
      STEPS.map(({ name, from, to }) => {
        const took = (one: Takeover) => to(one) - from(one);
        const ratios = busy.map((one, round) => took(one) / took(idle[round] ?? one));
        return [
          name,
          median(busy.map(took)).toFixed(0),
          median(idle.map(took)).toFixed(0),
          spreadText(medianSpread(ratios)),
        ];
      }),
    ),
  );
  const undropped =
    undroppedMs === undefined ? `none in ${UNDROPPED_MS / 1000} s` : `after ${(undroppedMs / 1000).toFixed(1)} s`;
  return [
    ...tables,
    `With the export taken away, but what the node holds not dropped, the next node's lock: ${undropped}.`,
  ].join('\n\n');
}
