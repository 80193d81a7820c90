import type { Cleanup } from '../../src/cli/demo/cleanup.ts';
import { command } from './command.ts';
import type { Cluster } from './kubectl.ts';

const FLAG = '--enable-distributed-snapshotting';
const MANIFEST = 'test/e2e/snapshot-controller.yaml';
const CRDS = 'github.com/kubernetes-csi/external-snapshotter/client/config/crd?ref=v8.6.0';

/** Gives the cluster what snapshots of local volumes need, as far as it lacks it. @returns why they cannot be had, if so */
export async function provideSnapshots(cluster: Cluster, cleanup: Cleanup): Promise<string | undefined> {
  if (!(await cluster.exists('crd/volumesnapshots.snapshot.storage.k8s.io'))) {
    await command('kubectl', ['apply', '--server-side', '-k', CRDS], { env: cluster.env, timeoutMs: 120_000 });
  }
  const path = '{range .items[*].spec.template.spec.containers[?(@.name=="snapshot-controller")]}{.args}{"\\n"}{end}';
  const running = (await cluster.kubectl(['get', 'deployment', '-A', '-o', `jsonpath=${path}`])).trim();
  if (running !== '') return running.includes(FLAG) ? undefined : `the snapshot-controller runs without ${FLAG}`;
  cleanup.add('the snapshot-controller', async () => {
    await cluster.deleteFile(MANIFEST);
  });
  await cluster.applyFile(MANIFEST);
  await cluster.kubectl(
    ['rollout', 'status', 'deployment/snapshot-controller', '-n', 'kube-system', '--timeout', '2m'],
    { timeoutMs: 130_000 },
  );
  return undefined;
}
