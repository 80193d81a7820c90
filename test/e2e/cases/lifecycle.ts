import type { Case } from '../case.ts';
import type { Feature } from '../features.ts';
import { claim, podWith } from '../objects.ts';
import { DRIVER, type Stowage } from '../stowage.ts';
import { check, untilTrue } from '../wait.ts';

const MINUTE_MS = 60_000;
const NAME = 'e2e-life';

/** One volume from nothing to nothing; Kubernetes's objects, the driver's record and the kernel are looked at after each step. */
function life(storageClass: string, kernel: RegExp, needs: readonly Feature[]): Case {
  return {
    name: `life of a volume of ${storageClass}`,
    needs,
    async run(stowage) {
      const { cluster } = stowage;
      try {
        await cluster.apply(claim(NAME, { storageClass }));
        await untilTrue('the claim waits for its pod', MINUTE_MS, async () =>
          (await cluster.events(`pvc/${NAME}`)).includes('WaitForFirstConsumer'),
        );
        check((await cluster.field(`pvc/${NAME}`, '{.status.phase}')) === 'Pending', 'the claim did not wait');

        const startMs = performance.now();
        await cluster.apply(podWith(NAME));
        const node = await cluster.ready(`pod/${NAME}`);
        const seconds = (performance.now() - startMs) / 1000;
        const volume = await provisioned(stowage, node);
        await mounted(stowage, node, volume, kernel);
        await cluster.exec(NAME, ['sh', '-c', 'echo kept >/data/file && sync']);

        await cluster.remove(`pod/${NAME}`);
        await unmounted(stowage, node, volume);
        await cluster.apply(podWith(NAME));
        check((await cluster.ready(`pod/${NAME}`)) === node, 'the pod came back on another node');
        check((await cluster.exec(NAME, ['cat', '/data/file'])).trim() === 'kept', 'the data is gone');

        await cluster.remove(`pod/${NAME}`, `pvc/${NAME}`);
        await cluster.gone(`pv/${volume}`);
        return `pod ready after ${seconds.toFixed(1)} s`;
      } finally {
        await cluster.remove(`pod/${NAME}`, `pvc/${NAME}`);
        await stowage.nothingLeft();
      }
    },
  };
}

/** The PersistentVolume is bound to the node, needs no attachment, and has its record there and nowhere else. */
async function provisioned({ cluster, nodes, records }: Stowage, node: string): Promise<string> {
  const volume = await cluster.field(`pvc/${NAME}`, '{.spec.volumeName}');
  const terms = '{.spec.nodeAffinity.required.nodeSelectorTerms[*].matchExpressions[*].values[*]}';
  check((await cluster.field(`pv/${volume}`, terms)) === node, 'the volume is not bound to its node');
  check((await cluster.field(`pv/${volume}`, '{.spec.csi.driver}')) === DRIVER, 'the volume is of another driver');
  check((await cluster.names('volumeattachment')).length === 0, 'something was attached');
  for (const one of nodes) {
    const found = (await records(one)).filter((line) => line.includes(volume));
    check(found.length === (one === node ? 1 : 0), `node ${one} has ${found.length} records of the volume`);
  }
  return volume;
}

/** Staged once, published once, both what the class promises. */
async function mounted({ cluster, mountsOf, onNode }: Stowage, node: string, volume: string, kernel: RegExp) {
  const uid = await cluster.field(`pod/${NAME}`, '{.metadata.uid}');
  const published = await mountsOf(node, uid);
  const target = published.filter(({ path }) => path.endsWith(`/volumes/kubernetes.io~csi/${volume}/mount`));
  check(target.length === 1, `the pod's path has ${target.length} mounts`);
  const staged = await mountsOf(node, `/plugins/kubernetes.io/csi/${DRIVER}/`);
  check(staged.length === 1, `${staged.length} volumes are staged instead of one`);
  const { path = '' } = target[0] ?? {};
  const line = (await onNode(node, ['cat', '/proc/self/mounts'])).split('\n').find((one) => one.includes(path)) ?? '';
  check(kernel.test(line), `the kernel has another mount than expected: ${line}`);
}

/** Neither mounts nor loop devices stay for a volume that no pod uses. */
async function unmounted({ mountsOf, loops }: Stowage, node: string, volume: string): Promise<void> {
  await untilTrue('the volume is unmounted', MINUTE_MS, async () => {
    const left = [...(await mountsOf(node, volume)), ...(await mountsOf(node, `/csi/${DRIVER}/`))];
    return left.length === 0 && !(await loops(node)).some((line) => line.includes(volume));
  });
}

export const lifecycleCases: readonly Case[] = [
  life('stowage-local', /^\/dev\/loop\d+ \S+ ext4 /, []),
  life('e2e-fast', /^\/dev\/loop\d+ \S+ xfs /, ['xfs']),
  life('e2e-plain', / xfs /, ['xfs']),
  life('e2e-cow', / btrfs .*subvol=/, ['btrfs']),
];
