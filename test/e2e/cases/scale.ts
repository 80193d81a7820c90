import type { Case } from '../case.ts';
import { TIGHT_MIB } from '../install.ts';
import { claim, podWith, podWithClaims } from '../objects.ts';
import { check, until, untilTrue } from '../wait.ts';

const MINUTE_MS = 60_000;
const NAME = 'e2e-tight';
const CLAIM_MIB = 64;
/** So many of the volumes that have room on the nodes together are asked for: 60 on three nodes. */
const SHARE = 0.82;
const AT_ONCE = 40;

export const scaleCases: readonly Case[] = [
  {
    name: 'claims find the node with room, where pools are of unequal size',
    needs: ['twoNodes'],
    async run({ cluster, nodes, nothingLeft }) {
      const room = TIGHT_MIB.slice(0, nodes.length).map((mebibytes) => Math.floor(mebibytes / CLAIM_MIB));
      const replicas = Math.floor(room.reduce((sum, one) => sum + one, 0) * SHARE);
      try {
        await cluster.apply(statefulSet(replicas));
        const startMs = performance.now();
        await untilTrue('all replicas are ready', 6 * MINUTE_MS, async () => {
          return (await cluster.field(`statefulset/${NAME}`, '{.status.readyReplicas}')) === String(replicas);
        });
        const seconds = (performance.now() - startMs) / 1000;
        const path = '{range .items[*]}{.spec.nodeName}{"\\n"}{end}';
        const where = await cluster.kubectl(['get', 'pods', '-l', `app=${NAME}`, '-o', `jsonpath=${path}`]);
        const counts = countBy(where.trimEnd().split('\n'));
        for (const count of counts.values()) check(count <= Math.max(...room), `a node has ${count} volumes`);
        return `${replicas} claims on ${[...counts.values()].sort().join(' and ')} in ${seconds.toFixed(0)} s`;
      } finally {
        await cluster.remove(`statefulset/${NAME}`);
        await cluster.kubectl(['delete', 'pvc', '-l', `app=${NAME}`, '--timeout', '170s'], {
          timeoutMs: 3 * MINUTE_MS,
        });
        await nothingLeft();
      }
    },
  },
  {
    name: 'several claims in one pod: all find room, or an event says what to do',
    needs: ['twoNodes'],
    async run({ cluster, nodes, nothingLeft }) {
      const names = ['e2e-several-0', 'e2e-several-1', 'e2e-several-2'];
      const largest = TIGHT_MIB[Math.min(nodes.length, TIGHT_MIB.length) - 1] ?? 0;
      const remove = () => cluster.remove('pod/e2e-several', ...names.map((name) => `pvc/${name}`));
      const ask = async (mebibytes: number) => {
        for (const name of names) await cluster.apply(claim(name, { storageClass: NAME, size: `${mebibytes}Mi` }));
        await cluster.apply(podWithClaims('e2e-several', names));
      };
      try {
        await ask(CLAIM_MIB);
        await cluster.ready('pod/e2e-several');
        await remove();
        // One of them fits on the largest node, three do not.
        await ask(Math.floor(largest * 0.4));
        return await until('an event says what is in the way', 2 * MINUTE_MS, async () => {
          const events = await Promise.all(names.map((name) => cluster.events(`pvc/${name}`)));
          return /[^:]*has no room for [^\n]*/.exec(events.join('\n'))?.[0];
        });
      } finally {
        await remove();
        await nothingLeft();
      }
    },
  },
  {
    name: `${AT_ONCE} claims with pods at once`,
    needs: ['xfs'],
    async run({ cluster, nothingLeft }) {
      const names = Array.from({ length: AT_ONCE }, (_, index) => `e2e-many-${index}`);
      try {
        const items = names.flatMap((name) => [
          claim(name, { storageClass: 'e2e-fast', size: '320Mi' }),
          podWith(name),
        ]);
        const startMs = performance.now();
        await cluster.apply({ apiVersion: 'v1', kind: 'List', items });
        await untilTrue('all pods run', 10 * MINUTE_MS, async () => {
          const path = '{range .items[*]}{.metadata.name} {.status.phase}{"\\n"}{end}';
          const lines = (await cluster.kubectl(['get', 'pods', '-o', `jsonpath=${path}`])).split('\n');
          return names.every((name) => lines.includes(`${name} Running`));
        });
        return `all run after ${((performance.now() - startMs) / 1000).toFixed(0)} s`;
      } finally {
        await cluster.remove(...names.map((name) => `pod/${name}`));
        await cluster.remove(...names.map((name) => `pvc/${name}`));
        await nothingLeft();
      }
    },
  },
];

function countBy(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function statefulSet(replicas: number): object {
  const labels = { app: NAME };
  const container = {
    name: 'main',
    image: 'busybox:1.37',
    command: ['sleep', 'infinity'],
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: NAME },
    spec: {
      serviceName: NAME,
      replicas,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { terminationGracePeriodSeconds: 1, containers: [container] },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data', labels },
          spec: {
            storageClassName: NAME,
            accessModes: ['ReadWriteOnce'],
            resources: { requests: { storage: `${CLAIM_MIB}Mi` } },
          },
        },
      ],
    },
  };
}
