import type { Case } from '../case.ts';
import { DISCOVERY, WHOLE_DISKS_MIB } from '../disks.ts';
import { claim, podWith } from '../objects.ts';
import { check, untilTrue } from '../wait.ts';

const MINUTE_MS = 60_000;
const NAMES = ['e2e-small-disk', 'e2e-large-disk'] as const;

export const wholeDiskCases: readonly Case[] = [
  {
    name: 'whole disks that are found below a folder, the smallest that fits for each claim',
    async run({ cluster, onNode, nothingLeft }) {
      const [small, large] = NAMES;
      try {
        await cluster.apply(claim(small, { storageClass: 'e2e-disks', size: '100Mi' }));
        await cluster.apply(podWith(small, 'echo mine >/data/file && sync && sleep infinity'));
        const node = await cluster.ready(`pod/${small}`);
        await cluster.apply(claim(large, { storageClass: 'e2e-disks', size: '100Mi' }));
        await cluster.apply(podWith(large, 'sleep infinity', node));
        await cluster.ready(`pod/${large}`);
        const sizes = await Promise.all(NAMES.map((name) => sizeMib(cluster.exec(name, ['df', '-k', '/data']))));
        for (const [index, sizeOfDisk] of WHOLE_DISKS_MIB.entries()) {
          const size = sizes[index] ?? 0;
          check(size > sizeOfDisk * 0.7 && size <= sizeOfDisk, `${NAMES[index]} has ${size} MiB, not ${sizeOfDisk}`);
        }
        await cluster.remove(`pod/${small}`, `pvc/${small}`);
        await untilTrue('the disk is empty again', MINUTE_MS, async () => {
          const left = await onNode(node, ['find', `${DISCOVERY}/0`, '-name', 'file']);
          return left.trim() === '';
        });
        return `${sizes.map((size) => size.toFixed(0)).join(' and ')} MiB, emptied when deleted`;
      } finally {
        await cluster.remove(...NAMES.map((name) => `pod/${name}`), ...NAMES.map((name) => `pvc/${name}`));
        await nothingLeft();
      }
    },
  },
];

/** The size of the file system that `df -k` shows. */
async function sizeMib(df: Promise<string>): Promise<number> {
  const [, kibibytes = ''] = /\s(\d{4,})\s/.exec(await df) ?? [];
  return Number(kibibytes) / 1024;
}
