import type { Case } from '../case.ts';
import { DISKS_NAMESPACE } from '../disks.ts';
import { NAMESPACE } from '../install.ts';
import { claim, podWith } from '../objects.ts';
import type { Stowage } from '../stowage.ts';
import { check, untilTrue } from '../wait.ts';

const MINUTE_MS = 60_000;
const NODE_MS = 5 * MINUTE_MS;
const KEEP =
  'cd /data; [ -e sum ] || { head -c 8388608 /dev/urandom >file && sha256sum file >sum && sync; }; sha256sum -c sum && sleep infinity';
const READY = '{.status.conditions[?(@.type=="Ready")].status}';
const CLASSES = ['stowage-local', 'e2e-fast', 'e2e-plain', 'e2e-cow'];

/** A pod with data for each class, all on the node that the first one got. @returns their names, and the node */
async function keepers({ cluster, values }: Stowage, prefix: string): Promise<{ pods: string[]; node: string }> {
  const classes = CLASSES.filter((name) => values.local.storageClasses.some((one) => one.name === name));
  const pods = classes.map((name) => `${prefix}-${name}`);
  let node: string | undefined;
  for (const [index, pod] of pods.entries()) {
    await cluster.apply(claim(pod, { storageClass: classes[index] ?? '' }));
    await cluster.apply(podWith(pod, KEEP, node));
    node ??= await cluster.ready(`pod/${pod}`);
  }
  for (const pod of pods) await cluster.logged(`pod/${pod}`, /^file: OK$/m);
  return { pods, node: node ?? '' };
}

/** The node answers again, with its disks and with the driver. */
async function isBack(stowage: Stowage, node: string): Promise<void> {
  const { cluster } = stowage;
  await nodeIs(stowage, node, 'True');
  for (const namespace of [DISKS_NAMESPACE, NAMESPACE]) {
    await untilTrue(`the pods of ${namespace} on ${node} are ready`, NODE_MS, async () => {
      const pods = await cluster.podsOn(node, namespace);
      const states = await Promise.all(pods.map((pod) => cluster.field(pod, READY, namespace)));
      return pods.length > 0 && states.every((state) => state === 'True');
    });
  }
}

/** Whether the node's kubelet says that it is ready; Unknown where nothing was heard of it. */
async function nodeIs({ cluster }: Stowage, node: string, state: 'True' | 'Unknown'): Promise<void> {
  await untilTrue(
    `node ${node} is ${state}`,
    NODE_MS,
    async () => (await cluster.field(`node/${node}`, READY)) === state,
  );
}

export const nodeCases: readonly Case[] = [
  {
    name: 'a node loses its power while pods have volumes',
    needs: ['power'],
    async run(stowage) {
      const { cluster, power } = stowage;
      const { pods, node } = await keepers(stowage, 'e2e-power');
      try {
        await power.cut(node);
        await nodeIs(stowage, node, 'Unknown');
        await power.restore(node);
        await isBack(stowage, node);
        await cluster.remove(...pods.map((pod) => `pod/${pod}`));
        for (const pod of pods) await cluster.apply(podWith(pod, KEEP));
        for (const pod of pods) {
          check((await cluster.ready(`pod/${pod}`)) === node, `${pod} is on another node than its volume`);
          await cluster.logged(`pod/${pod}`, /^file: OK$/m);
        }
        return `${pods.length} volumes with their data`;
      } finally {
        await power.restore(node);
        await cluster.remove(...pods.map((pod) => `pod/${pod}`), ...pods.map((pod) => `pvc/${pod}`));
        await stowage.nothingLeft();
      }
    },
  },
  {
    name: 'a node is lost: one volume is given up, one comes back with it',
    needs: ['power', 'twoNodes'],
    async run(stowage) {
      const { cluster, power } = stowage;
      const { pods, node } = await keepers(stowage, 'e2e-lost');
      const [given = '', kept = ''] = pods;
      try {
        const volume = await cluster.field(`pvc/${given}`, '{.spec.volumeName}');
        await power.cut(node);
        await nodeIs(stowage, node, 'Unknown');
        await cluster.kubectl(['delete', `node/${node}`]);
        const forced = ['--force', '--grace-period=0', '--ignore-not-found'];
        await cluster.kubectl(['delete', ...pods.map((pod) => `pod/${pod}`), ...forced]);
        // Given up: the claim is deleted, and made anew on a node that is there.
        await cluster.remove(`pvc/${given}`);
        await cluster.apply(claim(given, { storageClass: 'stowage-local' }));
        await cluster.apply(podWith(given, KEEP));
        check((await cluster.ready(`pod/${given}`)) !== node, 'a pod runs on the lost node');
        // Its data is deleted as soon as its node is back.
        await power.restore(node);
        await isBack(stowage, node);
        await cluster.gone(`pv/${volume}`);
        await cluster.apply(podWith(kept, KEEP));
        check((await cluster.ready(`pod/${kept}`)) === node, 'the volume came back on another node');
        await cluster.logged(`pod/${kept}`, /^file: OK$/m);
        return 'the lost volume was deleted when its node came back';
      } finally {
        await power.restore(node);
        await isBack(stowage, node);
        await cluster.remove(...pods.map((pod) => `pod/${pod}`), ...pods.map((pod) => `pvc/${pod}`));
        await stowage.nothingLeft();
      }
    },
  },
];
