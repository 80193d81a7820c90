import { readFile } from 'node:fs/promises';
import type { Cleanup } from '../../src/cli/demo/cleanup.ts';
import { command } from './command.ts';
import type { Feature } from './features.ts';
import type { Cluster } from './kubectl.ts';

const FLAG = '--enable-distributed-snapshotting';
const GROUPS_FLAG = '--feature-gates=CSIVolumeGroupSnapshot=true';
const MANIFEST = 'test/e2e/snapshot-controller.yaml';
const CRDS = 'github.com/kubernetes-csi/external-snapshotter/client/config/crd?ref=v8.6.0';

/** What the cluster has of snapshots, and why not where it has not. */
export interface Snapshots {
  readonly has: readonly Feature[];
  readonly why: Readonly<Partial<Record<Feature, string>>>;
}

/** Gives the cluster what snapshots of local volumes and of groups need, as far as it lacks it. */
export async function provideSnapshots(cluster: Cluster, cleanup: Cleanup): Promise<Snapshots> {
  if (!(await cluster.exists('crd/volumesnapshots.snapshot.storage.k8s.io'))) {
    await command('kubectl', ['apply', '--server-side', '-k', CRDS], { env: cluster.env, timeoutMs: 120_000 });
  }
  const hasGroups = await cluster.exists('crd/volumegroupsnapshots.groupsnapshot.storage.k8s.io');
  if ((await running(cluster)) === '') await startController(cluster, hasGroups, cleanup);
  const flags = await running(cluster);
  const why = {
    ...(flags.includes(FLAG) ? {} : { snapshots: `the snapshot-controller runs without ${FLAG}` }),
    ...(hasGroups && flags.includes(GROUPS_FLAG.slice('--feature-gates='.length))
      ? {}
      : { groupSnapshots: `no CRDs for snapshots of groups, or the snapshot-controller runs without ${GROUPS_FLAG}` }),
  };
  return { has: (['snapshots', 'groupSnapshots'] as const).filter((feature) => !(feature in why)), why };
}

/** The arguments of the snapshot-controller that the cluster has; empty where it has none. */
async function running(cluster: Cluster): Promise<string> {
  const path = '{range .items[*].spec.template.spec.containers[?(@.name=="snapshot-controller")]}{.args}{"\\n"}{end}';
  return (await cluster.kubectl(['get', 'deployment', '-A', '-o', `jsonpath=${path}`])).trim();
}

async function startController(cluster: Cluster, hasGroups: boolean, cleanup: Cleanup): Promise<void> {
  cleanup.add('the snapshot-controller', async () => {
    await cluster.deleteFile(MANIFEST);
  });
  const manifest = await readFile(MANIFEST, 'utf8');
  await cluster.apply(hasGroups ? manifest : manifest.replace(`, ${GROUPS_FLAG}`, ''));
  await cluster.kubectl(
    ['rollout', 'status', 'deployment/snapshot-controller', '-n', 'kube-system', '--timeout', '3m'],
    { timeoutMs: 200_000 },
  );
}
