import type { Case } from '../case.ts';
import { FILES, onDisks } from '../disks.ts';
import type { Feature } from '../features.ts';
import { claim, podWithClaims } from '../objects.ts';
import type { Stowage } from '../stowage.ts';
import { FILE, MARIADB, type Workload } from '../takeover.ts';
import { check, SLOW_MS, untilTrue } from '../wait.ts';

const NAME = 'e2e-takeover';
const [FIRST, SECOND] = [`${NAME}-first`, `${NAME}-second`];
const TAINT = 'node.kubernetes.io/out-of-service';
/** So long the node says nothing to the cluster: it takes most of a minute until that is noticed. */
const SILENT_SECONDS = 240;
const AT_LEAST = 20;

/** Runs on a node that goes on: its kubelet is stopped for a while; then what the first pod has seen is kept. */
const SILENCE = `
for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = kubelet ] && kubelet="$kubelet \${p#/proc/}"; done
kill -STOP $kubelet && sleep ${SILENT_SECONDS}
for p in /proc/[0-9]*; do
  [ -e $p/root/tmp/acknowledged ] || continue
  tail -n 1 $p/root/tmp/acknowledged >${FILES}/acknowledged; tail -n 1 $p/root/tmp/failed >${FILES}/failed
  break
done
kill -CONT $kubelet`;
const BACKGROUND = 'rm -f "$1"/acknowledged "$1"/failed; setsid bash -c "$0" >/dev/null 2>&1 </dev/null &';

const readiness = ({ cluster }: Stowage, node: string) =>
  cluster.field(`node/${node}`, '{.status.conditions[?(@.type=="Ready")].status}');

/** The node is silent, and said to be lost, while its pod goes on. */
async function lose(stowage: Stowage, node: string): Promise<void> {
  const { cluster } = stowage;
  await onDisks(stowage.cluster, node, ['bash', '-c', BACKGROUND, SILENCE, FILES]);
  await untilTrue(`node ${node} is not heard of`, SLOW_MS, async () => (await readiness(stowage, node)) === 'Unknown');
  await cluster.kubectl(['delete', `pod/${FIRST}`, '--wait=false']);
  await cluster.kubectl(['taint', 'node', node, `${TAINT}=nodeshutdown:NoExecute`, '--overwrite']);
}

async function comeBack(stowage: Stowage, node: string): Promise<void> {
  const { cluster } = stowage;
  const limitMs = SILENT_SECONDS * 1000 + SLOW_MS;
  await untilTrue(`node ${node} is heard of`, limitMs, async () => (await readiness(stowage, node)) === 'True');
  const taints = await cluster.field(`node/${node}`, '{.spec.taints[*].key}');
  if (taints.includes(TAINT)) await cluster.kubectl(['taint', 'node', node, `${TAINT}-`]);
}

function takeover(
  workload: Workload,
  image: (stowage: Stowage) => string | undefined,
  needs: readonly Feature[],
): Case {
  return {
    name: `NFS: ${workload.what} taken over from a node that lives and is silent`,
    chart: 'managed',
    needs: ['nfs', 'nfsServing', 'quota', 'twoNodes', ...needs],
    async run(stowage) {
      const { cluster, nfs, nodes } = stowage;
      const node = nodes.find((one) => one !== nfs.servingNode) ?? '';
      const next = nodes.find((one) => one !== node) ?? '';
      try {
        await cluster.apply(claim(NAME, { storageClass: 'e2e-exported', size: workload.size }));
        await cluster.apply(podWithClaims(FIRST, [NAME], workload.first, node, image(stowage)));
        await cluster.ready(`pod/${FIRST}`);
        await untilTrue('it has committed some', SLOW_MS, async () => {
          const count = await cluster.exec(FIRST, ['sh', '-c', 'wc -l </tmp/acknowledged']);
          return Number(count) >= AT_LEAST;
        });
        await lose(stowage, node);
        const startMs = performance.now();
        await cluster.apply(podWithClaims(SECOND, [NAME], workload.second, next, image(stowage)));
        await cluster.ready(`pod/${SECOND}`, SLOW_MS);
        const [, found = ''] = await cluster.logged(SECOND, /^found\s+(\d+)/m);
        await cluster.logged(SECOND, /^wrote/m);
        const seconds = (performance.now() - startMs) / 1000;
        check(
          (await nfs.attachments()).every((one) => one.node === next),
          'the lost node is still attached',
        );

        await comeBack(stowage, node);
        const acknowledged = Number(await onDisks(stowage.cluster, node, ['cat', `${FILES}/acknowledged`]));
        const failed = await onDisks(stowage.cluster, node, ['cat', `${FILES}/failed`]);
        check(
          acknowledged >= AT_LEAST && acknowledged <= Number(found),
          `${acknowledged} acknowledged, ${found} found`,
        );
        check(failed.trim() !== '', 'the first pod has met no error');
        const late = await cluster.exec(SECOND, ['sh', '-c', workload.count]);
        check(late.includes(`found\t${found}`) || late.includes(`found ${found}`), `${found} found, then: ${late}`);
        return `${acknowledged} acknowledged, ${found} found; the second wrote ${seconds.toFixed(0)} s after the node was said to be lost`;
      } finally {
        await comeBack(stowage, node);
        await cluster.remove(`pod/${FIRST}`, `pod/${SECOND}`, `pvc/${NAME}`);
        await stowage.nothingLeft();
      }
    },
  };
}

export const nfsFencingCases: readonly Case[] = [
  takeover(FILE, () => undefined, []),
  takeover(MARIADB, ({ nfs }) => nfs.mariadbImage, ['mariadb']),
];
