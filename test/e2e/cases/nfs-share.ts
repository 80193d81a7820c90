import type { Case } from '../case.ts';
import { helm, RELEASE } from '../install.ts';
import { claim, podWith, podWithClaims, snapshotOf } from '../objects.ts';
import type { Stowage } from '../stowage.ts';
import { check, SLOW_MS, untilTrue } from '../wait.ts';

const NAME = 'e2e-share';
const CLASS = 'e2e-nfs';
const FOLDER = `default-${NAME}`;
const LINES = 50;
const DATA = 'head -c 8388608 /dev/urandom >/data/file && mkdir /data/folder && ln /data/file /data/folder/link';
const NEEDS = ['nfs', 'nfsServer'] as const;

/** Adds lines to one file under a lock that holds on all nodes, so that none may be lost. */
const APPENDER = `
for i in $(seq ${LINES}); do flock /data/lock sh -c 'echo $0 >>/data/log' "$HOSTNAME $i" || exit 1; done
echo finished; sleep infinity`;

async function boundVolume({ cluster }: Stowage, name: string): Promise<string> {
  await cluster.inPhase(`pvc/${name}`, 'Bound', SLOW_MS);
  return cluster.field(`pvc/${name}`, '{.spec.volumeName}');
}

/** The mounts that a node has of a volume's folder at the kubelet's paths: where it is staged, and in pods. */
async function mountsOf({ nfs }: Stowage, node: string): Promise<string[]> {
  const mounts = (await nfs.onNode(node, 'cat', '/proc/self/mountinfo')).split('\n');
  return mounts.filter((line) => line.includes('/kubelet/') && / - nfs4? /.test(line) && line.includes(FOLDER));
}

async function removeAll(stowage: Stowage, names: readonly string[]): Promise<void> {
  await stowage.cluster.remove(...names.map((name) => `pod/${name}`), ...names.map((name) => `pvc/${name}`));
  await stowage.nothingLeft();
}

async function attachedTo({ nfs }: Stowage, volume: string): Promise<string[]> {
  return (await nfs.attachments()).filter((one) => one.volume === volume).map(({ node }) => node);
}

export const nfsShareCases: readonly Case[] = [
  {
    name: 'NFS: life of a volume on a share of a server',
    chart: 'share',
    needs: NEEDS,
    async run(stowage) {
      const { cluster, nfs, nodes } = stowage;
      const [first = ''] = nodes;
      const second = nodes.at(-1) ?? first;
      try {
        await cluster.apply(claim(NAME, { storageClass: CLASS, accessMode: 'ReadWriteMany' }));
        const volume = await boundVolume(stowage, NAME);
        check((await nfs.onShare('ls')).split('\n').includes(FOLDER), 'the share has no folder of the subDir');
        check((await attachedTo(stowage, volume)).length === 0, 'it is attached without a pod');

        const startMs = performance.now();
        await cluster.apply(podWith(NAME, 'sleep infinity', first));
        await cluster.ready(`pod/${NAME}`);
        const seconds = (performance.now() - startMs) / 1000;
        check((await attachedTo(stowage, volume)).join() === first, 'it is not attached to the node of its pod');
        check((await mountsOf(stowage, first)).length === 2, 'it is not staged once and published once');
        await cluster.exec(NAME, ['sh', '-c', 'echo kept >/data/file']);

        await cluster.remove(`pod/${NAME}`);
        await untilTrue('it is detached', SLOW_MS, async () => (await attachedTo(stowage, volume)).length === 0);
        check((await mountsOf(stowage, first)).length === 0, 'it is mounted without a pod');
        await cluster.apply(podWith(NAME, 'sleep infinity', second));
        await cluster.ready(`pod/${NAME}`);
        check((await cluster.exec(NAME, ['cat', '/data/file'])).trim() === 'kept', 'the data is gone');

        await cluster.remove(`pod/${NAME}`, `pvc/${NAME}`);
        await cluster.gone(`pv/${volume}`);
        check(!(await nfs.onShare('ls')).split('\n').includes(FOLDER), 'the folder is still there');
        return `pod ready after ${seconds.toFixed(1)} s`;
      } finally {
        await removeAll(stowage, [NAME]);
      }
    },
  },
  {
    name: 'NFS: pods of two nodes add to one file on a share at once',
    chart: 'share',
    needs: [...NEEDS, 'twoNodes'],
    async run(stowage) {
      const { cluster, nfs, nodes } = stowage;
      const pods = nodes.slice(0, 2).map((_, index) => `${NAME}-${index}`);
      try {
        await cluster.apply(claim(NAME, { storageClass: CLASS, accessMode: 'ReadWriteMany' }));
        for (const [index, pod] of pods.entries())
          await cluster.apply(podWithClaims(pod, [NAME], APPENDER, nodes[index], nfs.plan.image));
        for (const pod of pods) await cluster.logged(pod, /^finished$/m);
        const lines = (await cluster.exec(pods[0] ?? '', ['cat', '/data/log'])).trim().split('\n');
        const whole = new Set(lines.filter((line) => /^e2e-share-\d \d+$/.test(line)));
        check(
          whole.size === pods.length * LINES && lines.length === whole.size,
          `${whole.size} of ${lines.length} lines are whole`,
        );
        return `${lines.length} lines of ${pods.length} nodes, none lost`;
      } finally {
        await removeAll(stowage, [...pods, NAME]);
      }
    },
  },
  {
    name: 'NFS: snapshot, restore, clone and growth on a share',
    chart: 'share',
    needs: [...NEEDS, 'snapshots'],
    async run(stowage) {
      const { cluster } = stowage;
      const [restored, cloned] = [`${NAME}-restored`, `${NAME}-cloned`];
      const sum = async (pod: string) =>
        (await cluster.exec(pod, ['sha256sum', '/data/file', '/data/folder/link'])).trim();
      try {
        await cluster.apply(claim(NAME, { storageClass: CLASS }));
        await cluster.apply(podWith(NAME, `${DATA} && echo written && sleep infinity`));
        await cluster.logged(NAME, /^written$/m);
        const before = await sum(NAME);
        await cluster.apply(snapshotOf(NAME, NAME, CLASS));
        await untilTrue('the snapshot is ready', SLOW_MS, async () => {
          return (await cluster.field(`volumesnapshot/${NAME}`, '{.status.readyToUse}')) === 'true';
        });
        await cluster.exec(NAME, ['sh', '-c', 'echo other >/data/file']);
        const after = await sum(NAME);
        await cluster.apply(claim(restored, { storageClass: CLASS, snapshot: NAME }));
        await cluster.apply(claim(cloned, { storageClass: CLASS, clone: NAME }));
        for (const pod of [restored, cloned]) await cluster.apply(podWith(pod));
        for (const pod of [restored, cloned]) await cluster.ready(`pod/${pod}`);
        check((await sum(restored)) === before, 'what was restored is not what the snapshot was taken of');
        check((await sum(cloned)) === after, 'the clone is not what its source is');
        await cluster.kubectl(['patch', `pvc/${NAME}`, '-p', '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}']);
        await untilTrue('the claim has grown', SLOW_MS, async () => {
          return (await cluster.field(`pvc/${NAME}`, '{.status.capacity.storage}')) === '2Gi';
        });
        return undefined;
      } finally {
        await cluster.remove(`volumesnapshot/${NAME}`);
        await removeAll(stowage, [NAME, restored, cloned]);
      }
    },
  },
  {
    name: 'NFS: helm test, share mode',
    chart: 'share',
    needs: NEEDS,
    async run(stowage) {
      const said = await helm(stowage.cluster, ['test', RELEASE, '--timeout', '4m']);
      check(/Phase:\s+Succeeded/.test(said) && !/Phase:\s+Failed/.test(said), said);
      await stowage.nothingLeft();
      return undefined;
    },
  },
];
