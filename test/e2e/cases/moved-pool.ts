import type { Case } from '../case.ts';
import { command } from '../command.ts';
import { DISKS_NAMESPACE, diskPodOn, FILES, onDisks } from '../disks.ts';
import { upgrade } from '../install.ts';
import { claim, podWith } from '../objects.ts';
import { follow } from '../pages.ts';
import type { Stowage } from '../stowage.ts';
import { check } from '../wait.ts';

const NAME = 'e2e-moved-pool';
const POOL = 'moved';
const PATH = `${FILES}/${POOL}`;
const COPY_MS = 120_000;
const KEEP = 'cd /data; [ -e file ] || { echo kept >file && sync; }; sleep infinity';

/** Installs the chart with one pool more, on this node alone. */
async function withPoolOn({ cluster, values }: Stowage, node: string): Promise<void> {
  const pool = { name: POOL, backend: 'directory', quota: 'advisory', path: PATH, nodes: [node] };
  const local = {
    ...values.local,
    pools: [...values.local.pools, pool],
    storageClasses: [...values.local.storageClasses, { name: NAME, pool: POOL }],
  };
  await upgrade(cluster, { ...values, local });
}

/** What a disk does that is taken out of one machine and put into another. */
async function carryOver({ cluster }: Stowage, from: string, to: string): Promise<void> {
  const inDisks = `kubectl -n ${DISKS_NAMESPACE} exec -i`;
  const take = `${inDisks} ${await diskPodOn(cluster, from)} -- tar --create --xattrs --directory ${PATH} .`;
  const put = `${inDisks} ${await diskPodOn(cluster, to)} -- tar --extract --xattrs --directory ${PATH}`;
  await onDisks(cluster, to, ['mkdir', '-p', PATH]);
  await command('bash', ['-euo', 'pipefail', '-c', `${take} | ${put}`], { env: cluster.env, timeoutMs: COPY_MS });
  await onDisks(cluster, from, ['rm', '-r', PATH]);
}

/** As docs/how-to/recover.md says of a lost node whose disks are left. */
const movedPool: Case = {
  name: 'page: the disks of a lost node put into another one, with their volumes',
  needs: ['twoNodes', 'jq'],
  async run(stowage) {
    const { cluster, nodes, values } = stowage;
    const [from = '', to = ''] = nodes;
    try {
      await withPoolOn(stowage, from);
      await cluster.apply(claim(NAME, { storageClass: NAME }));
      await cluster.apply(podWith(NAME, KEEP));
      check((await cluster.ready(`pod/${NAME}`)) === from, 'the volume is on a node without its pool');
      const volume = await cluster.field(`pvc/${NAME}`, '{.spec.volumeName}');
      await cluster.remove(`pod/${NAME}`);
      await upgrade(cluster, values); // nobody has it
      await carryOver(stowage, from, to);
      await withPoolOn(stowage, to);
      await follow(cluster, 'recover.md', ['PV=pvc-'], {
        before: `cd "$(mktemp -d)"; trap 'rm -r "$PWD"' EXIT`,
        fillIns: { 'PV=pvc-6c1f... NEW=node-b': `PV=${volume} NEW=${to}` },
      });
      await cluster.inPhase(`pvc/${NAME}`, 'Bound', COPY_MS);
      await cluster.apply(podWith(NAME, KEEP));
      check((await cluster.ready(`pod/${NAME}`)) === to, 'the pod is on another node than its volume');
      check((await cluster.exec(NAME, ['cat', '/data/file'])).trim() === 'kept', 'the data is not what it was');
      await cluster.remove(`pod/${NAME}`, `pvc/${NAME}`);
      await cluster.gone(`pv/${volume}`);
      return 'with its data; deleted there with its claim';
    } finally {
      await cluster.remove(`pod/${NAME}`, `pvc/${NAME}`);
      await stowage.nothingLeft();
      await upgrade(cluster, values);
      await onDisks(cluster, to, ['rm', '-rf', PATH]);
    }
  },
};

export const movedPoolCases: readonly Case[] = [movedPool];
