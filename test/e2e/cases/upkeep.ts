import { setTimeout as sleep } from 'node:timers/promises';
import type { Case } from '../case.ts';
import { DISKS_NAMESPACE } from '../disks.ts';
import { helm, RELEASE, upgrade } from '../install.ts';
import { claim, podWith, snapshotOf } from '../objects.ts';
import type { Stowage } from '../stowage.ts';
import { check, untilTrue } from '../wait.ts';

const MINUTE_MS = 60_000;
const KILLS = 3;
const PAUSE_MS = 6_000;
const CLASSES = ['stowage-local', 'e2e-fast', 'e2e-plain', 'e2e-cow'];

/** Writes, reads back and compares, and ends at the first error. */
const WRITER = `
i=0
while true; do
  f=/data/$((i % 40))
  head -c 1048576 /dev/urandom >$f && sha256sum $f >$f.sum && sync && sha256sum -c -s $f.sum || { echo FAILED at $i; exit 1; }
  i=$((i + 1)); echo $i; sleep 0.2
done`;
const VERIFY = 'cd /data && n=0; for s in *.sum; do sha256sum -c -s $s || exit 1; n=$((n + 1)); done; echo $n files';
/** Runs on a node: SIGKILL to the driver, which gets no chance to end well. */
const KILL = `
for p in /proc/[0-9]*; do
  tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -q 'stowage serve --config' && kill -9 \${p#/proc/}
done; true`;

/** Runs something while pods write to a volume of each class, then compares all they wrote. */
async function whileWriting(stowage: Stowage, disturb: () => Promise<void>): Promise<string> {
  const { cluster, values } = stowage;
  const classes = CLASSES.filter((name) => values.local.storageClasses.some((one) => one.name === name));
  const pods = classes.map((name) => `e2e-writer-${name}`);
  try {
    for (const [index, pod] of pods.entries()) {
      await cluster.apply(claim(pod, { storageClass: classes[index] ?? '' }));
      await cluster.apply(podWith(pod, WRITER));
    }
    for (const pod of pods) await cluster.ready(`pod/${pod}`);
    await disturb();
    const rounds = await Promise.all(pods.map((pod) => stillWrites(stowage, pod)));
    for (const pod of pods) await cluster.exec(pod, ['sh', '-c', VERIFY]);
    return `${pods.length} writers, ${rounds.reduce((sum, one) => sum + one, 0)} files written and compared`;
  } finally {
    await cluster.remove(...pods.map((pod) => `pod/${pod}`));
    await cluster.remove(...pods.map((pod) => `pvc/${pod}`));
    await stowage.nothingLeft();
  }
}

/** @returns how often it has written; it does so now, too, and has met no error */
async function stillWrites({ cluster }: Stowage, pod: string): Promise<number> {
  const rounds = async () => {
    const log = await cluster.logs(`pod/${pod}`);
    check(!log.includes('FAILED'), `${pod} met an error: ${log.slice(-300)}`);
    return Number(log.trimEnd().split('\n').at(-1));
  };
  const before = await rounds();
  await untilTrue(`${pod} goes on writing`, MINUTE_MS, async () => (await rounds()) > before);
  check((await cluster.field(`pod/${pod}`, '{.status.phase}')) === 'Running', `${pod} does not run any more`);
  return before;
}

async function killDrivers({ cluster }: Stowage): Promise<void> {
  for (const pod of await cluster.names('pod', { namespace: DISKS_NAMESPACE })) {
    await cluster.exec(pod, ['bash', '-c', KILL], { namespace: DISKS_NAMESPACE });
  }
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
      try {
        return await whileWriting(stowage, async () => {
          const churning = churn(stowage, names);
          churning.catch(() => {}); // told below, after the kills
          for (let kill = 0; kill < KILLS; kill++) {
            await sleep(PAUSE_MS);
            await killDrivers(stowage);
          }
          await churning;
        });
      } finally {
        await removeChurn(stowage, names);
        await stowage.nothingLeft();
      }
    },
  },
  {
    name: 'upgrade and rollback with pods writing',
    async run(stowage) {
      const { cluster, values } = stowage;
      return whileWriting(stowage, async () => {
        const pod = await stowage.podOn(stowage.nodes[0] ?? '');
        await upgrade(cluster, { ...values, logLevel: 'debug' });
        check((await stowage.podOn(stowage.nodes[0] ?? '')) !== pod, 'the upgrade left the pods as they were');
        await helm(cluster, ['rollback', RELEASE, '--wait', '--timeout', '4m']);
      });
    },
  },
];
