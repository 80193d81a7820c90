import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Cleanup } from '../../src/cli/demo/cleanup.ts';
import { command } from './command.ts';
import { DISCOVERY, DISKS, FILES, groupOf, LOST, THIN_POOL } from './disks.ts';
import type { Cluster } from './kubectl.ts';

export const NAMESPACE = 'stowage';
export const RELEASE = 'stowage';
const EXAMPLES = 'examples/kubernetes/values-local.yaml';
/** A pool that is small, and of another size on each node, for what the scheduler does then. In MiB. */
export const TIGHT_MIB = [640, 1536, 2560] as const;
/** Long, since pods of an emulated node take minutes to start. */
const HELM_MS = 9 * 60_000;

const valuesSchema = z.looseObject({
  local: z.looseObject({
    pools: z.array(z.looseObject({ name: z.string() })),
    storageClasses: z.array(z.looseObject({ name: z.string() })),
  }),
});
/** How the chart is installed: for local volumes, or for NFS, on somebody's server alone or on a node of the cluster besides. */
export type Chart = 'local' | 'share' | 'managed';
export type Values = z.infer<typeof valuesSchema>;

/** Makes the chart's namespace. @returns the values for local volumes: what the examples need, and a pool on each disk that the nodes have */
export async function prepareInstallation(
  cluster: Cluster,
  image: string,
  has: ReadonlySet<string>,
  nodes: readonly string[],
  cleanup: Cleanup,
): Promise<Values> {
  const examples = valuesSchema.parse(parse(await readFile(EXAMPLES, 'utf8')));
  cleanup.add('the chart', () => uninstall(cluster));
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
  });
  return valuesFor(examples, image, has, nodes);
}

/** `helm upgrade --install`, with its wait for the pods; it waits for most nodes only, and then we for the last one. */
export async function upgrade(cluster: Cluster, values: object): Promise<void> {
  const file = join('.cache/e2e', 'values.json');
  await mkdir('.cache/e2e', { recursive: true });
  await writeFile(file, JSON.stringify(values, null, 2));
  await helm(cluster, [
    'upgrade',
    '--install',
    RELEASE,
    'charts/stowage',
    '--values',
    file,
    '--wait',
    '--timeout',
    '8m',
  ]);
  await rolledOut(cluster);
}

async function rolledOut(cluster: Cluster): Promise<void> {
  const rolling = '{range .items[?(@.spec.updateStrategy.type=="RollingUpdate")]}{.metadata.name}{"\\n"}{end}';
  const names = await cluster.kubectl(['get', 'daemonset', '-n', NAMESPACE, '-o', `jsonpath=${rolling}`]);
  for (const name of names.split('\n').filter((one) => one !== '')) {
    await cluster.kubectl(['rollout', 'status', `daemonset/${name}`, '-n', NAMESPACE, '--timeout', '8m'], {
      timeoutMs: HELM_MS,
    });
  }
}

/** Helm in the release's namespace. @throws with what it said */
export function helm(cluster: Cluster, args: readonly string[]): Promise<string> {
  return command('helm', [...args, '--namespace', NAMESPACE], { timeoutMs: HELM_MS, env: cluster.env });
}

async function uninstall(cluster: Cluster): Promise<void> {
  const installed = (await helm(cluster, ['list', '--short'])).split('\n');
  if (installed.includes(RELEASE)) await helm(cluster, ['uninstall', RELEASE, '--wait']);
  await cluster.remove(`namespace/${NAMESPACE}`);
}

function valuesFor(examples: Values, image: string, has: ReadonlySet<string>, nodes: readonly string[]): Values {
  const [repository = '', tag = ''] = image.split(':');
  const on = (name: string) => ({ path: `${DISKS}/${name}`, requireMount: true });
  const pools = [
    ...(has.has('xfs') ? [{ name: 'fast', backend: 'image', fsType: 'xfs', ephemeral: true, ...on('xfs') }] : []),
    ...(has.has('xfs')
      ? [{ name: 'plain', backend: 'directory', quota: has.has('quota') ? 'enforced' : 'advisory', ...on('plain') }]
      : []),
    ...(has.has('btrfs') ? [{ name: 'cow', backend: 'btrfs', ephemeral: true, ...on('btrfs') }] : []),
  ];
  const tight = nodes.slice(0, TIGHT_MIB.length).map((node, index) => {
    return { name: 'tight', backend: 'memory', size: `${TIGHT_MIB[index]}Mi`, nodes: [node] };
  });
  const thin = nodes.map((node) => {
    return { name: 'thin', backend: 'lvm', volumeGroup: groupOf(node), thinPool: THIN_POOL, nodes: [node] };
  });
  const others = [
    { name: 'memory', backend: 'memory', size: '6Gi', ephemeral: true },
    { name: 'disks', backend: 'disk', discovery: DISCOVERY },
    ...(has.has('lvm') ? thin : []),
  ];
  const names = new Set([...pools, ...tight, ...others].map(({ name }) => name));
  const classes = [...names].flatMap((name) => [
    { name: `e2e-${name}`, pool: name },
    { name: `e2e-${name}-copies`, pool: name, volumeBindingMode: 'Immediate' }, // on the node of their source
  ]);
  return {
    ...examples,
    image: { repository, tag, pullPolicy: 'Never' },
    snapshots: { enabled: has.has('snapshots') },
    metrics: { enabled: true },
    local: {
      ...examples.local,
      stateDir: `${FILES}/state`, // goes with the disks: it remembers which belong to this node
      tolerations: [LOST], // nodes without disks of ours, such as the control plane, are left out
      pools: [...examples.local.pools, ...pools, ...tight, ...others],
      storageClasses: [...examples.local.storageClasses, ...classes],
    },
  };
}
