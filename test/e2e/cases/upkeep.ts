import { setTimeout as sleep } from 'node:timers/promises';
import type { Case } from '../case.ts';
import { helm, RELEASE, upgrade } from '../install.ts';
import { claim, podWith, snapshotOf } from '../objects.ts';
import type { Stowage } from '../stowage.ts';
import { check, untilTrue } from '../wait.ts';
import { killDrivers, whileWriting } from '../writers.ts';

const MINUTE_MS = 60_000;
const KILLS = 3;
const PAUSE_MS = 6_000;
const CLASSES = ['stowage-local', 'e2e-fast', 'e2e-plain', 'e2e-cow'];

/** Writers to a volume of each class that there is. */
function whileWritingLocally(stowage: Stowage, disturb: () => Promise<void>): Promise<string> {
  const classes = CLASSES.filter((name) => stowage.values.local.storageClasses.some((one) => one.name === name));
  return whileWriting(stowage, classes, disturb);
}

/** Volumes are made, snapshotted, restored and grown, all at once. */
async function churn({ cluster }: Stowage, names: readonly string[]): Promise<void> {
  const canSnapshot = (await cluster.names('volumesnapshotclass').catch(() => [])).length > 0;
  const storageClass = 'e2e-fast';
  for (const name of names) {
    await cluster.apply(claim(name, { storageClass }));
    await cluster.apply(podWith(name, 'echo data >/data/file && sync && sleep infinity'));
    if (!canSnapshot) continue;
    await cluster.apply(snapshotOf(name, name));
    await cluster.apply(claim(`${name}-copy`, { storageClass: `${storageClass}-copies`, snapshot: name }));
    await cluster.apply(podWith(`${name}-copy`));
  }
  for (const name of names) {
    await cluster.inPhase(`pvc/${name}`, 'Bound', 4 * MINUTE_MS);
    await cluster.kubectl(['patch', `pvc/${name}`, '-p', '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}']);
  }
  for (const name of names) {
    await untilTrue(`${name} has grown`, 4 * MINUTE_MS, async () => {
      return (await cluster.field(`pvc/${name}`, '{.status.capacity.storage}')) === '2Gi';
    });
    await cluster.ready(`pod/${name}`, 4 * MINUTE_MS);
    if (canSnapshot) await cluster.ready(`pod/${name}-copy`, 4 * MINUTE_MS);
  }
}

async function removeChurn({ cluster }: Stowage, names: readonly string[]): Promise<void> {
  const all = names.flatMap((name) => [name, `${name}-copy`]);
  await cluster.remove(...all.map((name) => `pod/${name}`));
  await cluster.remove(...all.map((name) => `pvc/${name}`));
  if (await cluster.exists('crd/volumesnapshots.snapshot.storage.k8s.io')) {
    await cluster.remove(...names.map((name) => `volumesnapshot/${name}`));
  }
}

export const upkeepCases: readonly Case[] = [
  {
    needs: ['xfs'],
    name: 'drivers killed while volumes are made, snapshotted, grown and written to',
    async run(stowage) {
      const names = [0, 1, 2].map((index) => `e2e-churn-${index}`);
      return whileWritingLocally(stowage, async () => {
        try {
          const churning = churn(stowage, names);
          churning.catch(() => {}); // told below, after the kills
          for (let kill = 0; kill < KILLS; kill++) {
            await sleep(PAUSE_MS);
            await killDrivers(stowage);
          }
          await churning;
        } finally {
          await removeChurn(stowage, names);
        }
      });
    },
  },
  {
    name: 'upgrade and rollback with pods writing',
    async run(stowage) {
      const { cluster, values } = stowage;
      return whileWritingLocally(stowage, async () => {
        const pod = await stowage.podOn(stowage.nodes[0] ?? '');
        await upgrade(cluster, { ...values, logLevel: 'debug' });
        check((await stowage.podOn(stowage.nodes[0] ?? '')) !== pod, 'the upgrade left the pods as they were');
        await helm(cluster, ['rollback', RELEASE, '--wait', '--timeout', '4m']);
      });
    },
  },
];
