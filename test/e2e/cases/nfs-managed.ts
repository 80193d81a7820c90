import type { Case } from '../case.ts';
import type { Feature } from '../features.ts';
import { claim, podWith, snapshotOf } from '../objects.ts';
import type { Stowage } from '../stowage.ts';
import { check, SLOW_MS, untilTrue } from '../wait.ts';
import { killDrivers, whileWriting } from '../writers.ts';
import { grows } from './growth.ts';

const NAME = 'e2e-managed';
const CLASS = 'e2e-exported';
const NEEDS: readonly Feature[] = ['nfs', 'nfsServing', 'quota'];
const SIZE = '64Mi';
const KIBIBYTES = 65_536;
/** More than the volume has; says why it ended. */
const OVERFILL = `dd if=/dev/zero of=/data/large bs=1M count=${(2 * KIBIBYTES) / 1024} 2>&1; sync /data/large 2>&1; du -k /data/large`;

/** Snapshot, restore and clone of a volume that is in use. */
function copies(storageClass: string, needs: readonly Feature[]): Case {
  return {
    name: `NFS: snapshot, restore and clone of ${storageClass}`,
    chart: 'managed',
    needs: ['nfs', 'nfsServing', 'snapshots', ...needs],
    async run(stowage) {
      const { cluster } = stowage;
      const [restored, cloned] = [`${NAME}-restored`, `${NAME}-cloned`];
      const read = async (pod: string) => (await cluster.exec(pod, ['cat', '/data/file'])).trim();
      try {
        await cluster.apply(claim(NAME, { storageClass, size: SIZE }));
        await cluster.apply(podWith(NAME, 'echo first >/data/file && sync && echo written && sleep infinity'));
        await cluster.logged(NAME, /^written$/m);
        await cluster.apply(snapshotOf(NAME, NAME, 'stowage-managed'));
        await untilTrue('the snapshot is ready', SLOW_MS, async () => {
          return (await cluster.field(`volumesnapshot/${NAME}`, '{.status.readyToUse}')) === 'true';
        });
        await cluster.exec(NAME, ['sh', '-c', 'echo second >/data/file && sync']);
        await cluster.apply(claim(restored, { storageClass, size: SIZE, snapshot: NAME }));
        await cluster.apply(claim(cloned, { storageClass, size: SIZE, clone: NAME }));
        for (const pod of [restored, cloned]) await cluster.apply(podWith(pod));
        for (const pod of [restored, cloned]) await cluster.ready(`pod/${pod}`);
        check((await read(restored)) === 'first', 'what was restored is not what the snapshot was taken of');
        check((await read(cloned)) === 'second', 'the clone is not what its source is');
        return undefined;
      } finally {
        const all = [NAME, restored, cloned];
        await cluster.remove(...all.map((name) => `pod/${name}`), `volumesnapshot/${NAME}`);
        await cluster.remove(...all.map((name) => `pvc/${name}`));
        await stowage.nothingLeft();
      }
    },
  };
}

/** Whom the server admits to the one volume that there is. */
async function admitted({ nfs }: Stowage): Promise<string[]> {
  return (await nfs.exports()).map((line) => /\s(\S+?)\(/.exec(line)?.[1] ?? line);
}

/** What a node finds, and may do, that mounts the volume without being attached: at most an empty folder. */
async function tried({ nfs }: Stowage, node: string, source: string): Promise<string> {
  const script = `
    mkdir -p /tmp/e2e; mount -t nfs4 "$0" /tmp/e2e 2>&1 || exit 0
    ls -A /tmp/e2e; touch /tmp/e2e/file 2>/dev/null && echo written; umount /tmp/e2e; rmdir /tmp/e2e`;
  return nfs.onNode(node, 'sh', '-c', script, source);
}

async function sourceOf({ nfs }: Stowage, node: string, volume: string): Promise<string> {
  const mounts = (await nfs.onNode(node, 'cat', '/proc/self/mounts')).split('\n').map((line) => line.split(' '));
  const [source = ''] = mounts.find(([, path = '', type]) => type === 'nfs4' && path.includes(volume)) ?? [];
  return source;
}

export const nfsManagedCases: readonly Case[] = [
  {
    name: 'NFS: a volume that a node serves, attached, held to its size, detached',
    chart: 'managed',
    needs: [...NEEDS, 'twoNodes'],
    async run(stowage) {
      const { cluster, nfs, nodes } = stowage;
      const node = nodes.find((one) => one !== nfs.servingNode) ?? '';
      const address = await cluster.field(`node/${node}`, '{.status.addresses[?(@.type=="InternalIP")].address}');
      try {
        await cluster.apply(claim(NAME, { storageClass: CLASS, size: SIZE }));
        await cluster.inPhase(`pvc/${NAME}`, 'Bound', SLOW_MS);
        check((await nfs.exports()).length === 0, 'a volume is exported that no node has');
        const startMs = performance.now();
        await cluster.apply(podWith(NAME, 'sleep infinity', node));
        await cluster.ready(`pod/${NAME}`);
        const seconds = (performance.now() - startMs) / 1000;
        const volume = await cluster.field(`pvc/${NAME}`, '{.spec.volumeName}');
        check(
          (await nfs.attachments()).some((one) => one.volume === volume && one.node === node),
          'it is not attached',
        );
        check((await admitted(stowage)).join() === address, `the server admits others: ${await admitted(stowage)}`);
        const source = await sourceOf(stowage, node, volume);
        await cluster.exec(NAME, ['sh', '-c', 'touch /data/secret && sync']);
        const found = await tried(stowage, nfs.servingNode, source);
        check(!/secret|written/.test(found), `a node that is not attached finds or may do: ${found}`);

        const [, size = ''] = /\s(\d+)\s/.exec(await cluster.exec(NAME, ['df', '-k', '/data'])) ?? [];
        check(Number(size) === KIBIBYTES, `the pod sees ${size} KiB`);
        const filled = await cluster.exec(NAME, ['sh', '-c', OVERFILL]);
        check(/No space left|quota exceeded/i.test(filled), `more fits than the volume has: ${filled}`);
        check(Number(/^(\d+)\s/m.exec(filled)?.[1]) <= KIBIBYTES, `the file is larger than the volume: ${filled}`);

        await cluster.remove(`pod/${NAME}`);
        await untilTrue('it is detached', SLOW_MS, async () => (await nfs.attachments()).length === 0);
        check((await nfs.exports()).length === 0, 'it is exported still');
        return `pod ready after ${seconds.toFixed(1)} s`;
      } finally {
        await cluster.remove(`pod/${NAME}`, `pvc/${NAME}`);
        await stowage.nothingLeft();
      }
    },
  },
  {
    name: 'NFS: growth of a volume that a node serves, while in use',
    chart: 'managed',
    needs: NEEDS,
    async run(stowage) {
      const { cluster } = stowage;
      try {
        await cluster.apply(claim(NAME, { storageClass: CLASS }));
        await cluster.apply(podWith(NAME));
        return await grows(stowage, NAME);
      } finally {
        await cluster.remove(`pod/${NAME}`, `pvc/${NAME}`);
        await stowage.nothingLeft();
      }
    },
  },
  copies(CLASS, ['quota']),
  copies(`${CLASS}-btrfs`, ['btrfs']),
  {
    name: 'NFS: drivers killed while pods write',
    chart: 'managed',
    needs: NEEDS,
    async run(stowage) {
      const { cluster } = stowage;
      const classes = [CLASS, ...(stowage.nfs.plan.server !== undefined ? ['e2e-nfs'] : [])];
      return whileWriting(stowage, classes, async () => {
        await killDrivers(stowage);
        await cluster.apply(claim(NAME, { storageClass: CLASS, size: SIZE }));
        await cluster.apply(podWith(NAME));
        await cluster.ready(`pod/${NAME}`);
        await cluster.remove(`pod/${NAME}`, `pvc/${NAME}`);
      });
    },
  },
];
