import type { Case } from '../case.ts';
import { helm, NAMESPACE, RELEASE } from '../install.ts';
import { claim, podWith } from '../objects.ts';
import { check, untilTrue } from '../wait.ts';

const VOLUME = 'e2e-admin';
const MINUTE_MS = 60_000;

export const adminCases: readonly Case[] = [
  {
    name: 'stowage check, ls and gc through kubectl exec',
    async run({ nodes, stowage }) {
      for (const node of nodes) {
        const checked = await stowage(node, 'check');
        check(/\bfine\b/.test(checked), `check on ${node}: ${checked}`);
        check((await stowage(node, 'ls')).startsWith('POOL'), 'ls has no table');
        check((await stowage(node, 'gc')).startsWith('nothing found'), 'gc found something');
      }
      return `on ${nodes.length} nodes`;
    },
  },
  {
    name: 'helm test',
    async run({ cluster, nothingLeft }) {
      const said = await helm(cluster, ['test', RELEASE, '--timeout', '3m']);
      check(/Phase:\s+Succeeded/.test(said), said);
      await nothingLeft();
      return undefined;
    },
  },
  {
    name: 'capacity for the scheduler',
    async run({ cluster, nodes, values }) {
      const path = '{range .items[*]}{.storageClassName} {.nodeTopology.matchLabels.*} {.capacity}{"\\n"}{end}';
      // The scheduler has no say in what binds at once.
      const late = values.local.storageClasses.filter(({ volumeBindingMode }) => volumeBindingMode !== 'Immediate');
      const classes = late.map(({ name }) => name);
      await untilTrue('each class has its capacity on each node', MINUTE_MS, async () => {
        const lines = await cluster.kubectl(['get', 'csistoragecapacities', '-n', NAMESPACE, '-o', `jsonpath=${path}`]);
        return classes.every((name) =>
          nodes.every((node) => lines.split('\n').some((line) => line.startsWith(`${name} ${node} `))),
        );
      });
      return `${classes.length} classes on ${nodes.length} nodes`;
    },
  },
  {
    name: 'metrics of the drivers',
    async run({ nodes, onNode }) {
      for (const node of nodes) {
        const text = await onNode(node, ['node', '-e', FETCH_METRICS]);
        check(/^stowage_\w+/m.test(text), `no metrics on ${node}: ${text.slice(0, 200)}`);
      }
      return undefined;
    },
  },
  {
    name: 'uninstall refused while a volume exists',
    async run({ cluster, nothingLeft }) {
      try {
        await cluster.apply(claim(VOLUME, { storageClass: 'stowage-local', size: '64Mi' }));
        await cluster.apply(podWith(VOLUME));
        await cluster.ready(`pod/${VOLUME}`);
        const volume = await cluster.field(`pvc/${VOLUME}`, '{.spec.volumeName}');
        const refused = await helm(cluster, ['uninstall', RELEASE, '--timeout', '2m']).then(
          () => false,
          () => true,
        );
        check(refused, 'helm uninstall went through');
        const why = await cluster.kubectl(['logs', '-n', NAMESPACE, `job/${RELEASE}-uninstall-guard`]);
        check(why.includes(volume), `the guard does not name the volume: ${why}`);
        await cluster.exec(VOLUME, ['sh', '-c', 'echo on >/data/file']);
        // Helm calls the release `uninstalling` now, and upgrades no such one; a rollback to where it is makes it `deployed` again.
        const history = await helm(cluster, ['history', RELEASE, '--max', '1']);
        const revision = /^(\d+)\s/m.exec(history)?.[1] ?? '';
        await helm(cluster, ['rollback', RELEASE, revision, '--wait', '--timeout', '3m']);
        return 'the guard named the volume';
      } finally {
        await cluster.remove(`pod/${VOLUME}`, `pvc/${VOLUME}`);
        await nothingLeft();
      }
    },
  },
];

const FETCH_METRICS =
  "fetch('http://127.0.0.1:9811/metrics').then((answer) => answer.text()).then((text) => process.stdout.write(text))";
