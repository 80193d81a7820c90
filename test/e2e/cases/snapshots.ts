import type { Case } from '../case.ts';
import { claim, podWith, snapshotOf } from '../objects.ts';
import { DRIVER, type Stowage } from '../stowage.ts';
import { check } from '../wait.ts';

const MINUTE_MS = 60_000;
const NAME = 'e2e-given-back';
const RESTORED = `${NAME}-restored`;
const SNAPSHOT = `volumesnapshot/${NAME}`;

/** A snapshot whose objects were lost is made known to the cluster again, as docs/how-to/back-up-with-snapshots.md says. */
const givenBack: Case = {
  name: 'a snapshot that Kubernetes has forgotten, made known again',
  needs: ['xfs', 'snapshots'],
  async run(stowage) {
    const { cluster } = stowage;
    try {
      await cluster.apply(claim(NAME, { storageClass: 'e2e-fast' }));
      await cluster.apply(podWith(NAME, 'echo kept >/data/file && sync && sleep infinity'));
      const node = await cluster.ready(`pod/${NAME}`);
      await cluster.apply(snapshotOf(NAME, NAME));
      const handle = await forget(stowage);
      await cluster.apply(contentOf(handle, node));
      await cluster.apply(snapshotFromContent());
      await waitUntilReady(stowage);
      await cluster.apply(claim(RESTORED, { storageClass: 'e2e-fast-copies', snapshot: NAME }));
      await cluster.apply(podWith(RESTORED));
      await cluster.ready(`pod/${RESTORED}`);
      check((await cluster.exec(RESTORED, ['cat', '/data/file'])).trim() === 'kept', 'the copy is another one');
      return `restored on ${node}`;
    } finally {
      await cluster.remove(`pod/${NAME}`, `pod/${RESTORED}`);
      await cluster.remove(`pvc/${RESTORED}`, SNAPSHOT, `pvc/${NAME}`);
      await stowage.nothingLeft();
    }
  },
};

/** Removes the snapshot's objects and keeps its data. @returns the driver's id of it */
async function forget({ cluster }: Stowage): Promise<string> {
  await waitUntilReady({ cluster });
  const content = `volumesnapshotcontent/${await cluster.field(SNAPSHOT, '{.status.boundVolumeSnapshotContentName}')}`;
  const handle = await cluster.field(content, '{.status.snapshotHandle}');
  await cluster.kubectl(['patch', content, '--type', 'merge', '-p', '{"spec":{"deletionPolicy":"Retain"}}']);
  await cluster.remove(SNAPSHOT, content);
  return handle;
}

const waitUntilReady = ({ cluster }: Pick<Stowage, 'cluster'>) =>
  cluster.kubectl(['wait', '--for', 'jsonpath={.status.readyToUse}=true', SNAPSHOT, '--timeout', '3m'], {
    timeoutMs: 4 * MINUTE_MS,
  });

function contentOf(snapshotHandle: string, node: string): object {
  return {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshotContent',
    metadata: { name: NAME, labels: { 'snapshot.storage.kubernetes.io/managed-by': node } },
    spec: {
      deletionPolicy: 'Delete',
      driver: DRIVER,
      volumeSnapshotClassName: 'stowage-local',
      source: { snapshotHandle },
      sourceVolumeMode: 'Filesystem',
      volumeSnapshotRef: { name: NAME, namespace: 'default' },
    },
  };
}

function snapshotFromContent(): object {
  return {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name: NAME },
    spec: { volumeSnapshotClassName: 'stowage-local', source: { volumeSnapshotContentName: NAME } },
  };
}

export const snapshotCases: readonly Case[] = [givenBack];
