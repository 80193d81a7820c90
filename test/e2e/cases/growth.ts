import type { Case } from '../case.ts';
import type { Feature } from '../features.ts';
import { claim, podWith } from '../objects.ts';
import type { Stowage } from '../stowage.ts';
import { untilTrue } from '../wait.ts';

const MINUTE_MS = 60_000;
const NAME = 'e2e-growth';
const MOST_OF_2_GIB_IN_KIB = 1.8 * 1024 ** 2;

/** A claim of 1 GiB becomes one of 2 GiB while the pod of its name runs, which sees it. @returns how long that took */
export async function grows({ cluster }: Stowage, name: string): Promise<string> {
  await cluster.ready(`pod/${name}`);
  const startMs = performance.now();
  await cluster.kubectl(['patch', `pvc/${name}`, '-p', '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}']);
  await untilTrue('the pod sees the new size', 3 * MINUTE_MS, async () => {
    const [, kibibytes = ''] = /\s(\d{6,})\s/.exec(await cluster.exec(name, ['df', '-k', '/data'])) ?? [];
    return Number(kibibytes) > MOST_OF_2_GIB_IN_KIB;
  });
  const seconds = (performance.now() - startMs) / 1000;
  await untilTrue('the claim says so', 2 * MINUTE_MS, async () => {
    return (await cluster.field(`pvc/${name}`, '{.status.capacity.storage}')) === '2Gi';
  });
  return `seen in the running pod after ${seconds.toFixed(1)} s`;
}

function growth(storageClass: string, needs: readonly Feature[]): Case {
  return {
    name: `growth of ${storageClass} while in use`,
    needs,
    async run(stowage) {
      const { cluster } = stowage;
      try {
        await cluster.apply(claim(NAME, { storageClass }));
        await cluster.apply(podWith(NAME));
        return await grows(stowage, NAME);
      } finally {
        await cluster.remove(`pod/${NAME}`, `pvc/${NAME}`);
        await stowage.nothingLeft();
      }
    },
  };
}

export const growthCases: readonly Case[] = [growth('e2e-fast', ['xfs']), growth('e2e-cow', ['btrfs'])];
