import { setTimeout as sleep } from 'node:timers/promises';
import type { Case } from '../case.ts';
import { claim, podWith } from '../objects.ts';
import type { Stowage } from '../stowage.ts';
import { check, SLOW_MS, until, untilTrue } from '../wait.ts';
import { compareWritten, stillWrites, writerPod } from '../writers.ts';

/** Within which a pod of the dead server is gone: the kubelet's own work, and that of a slow node. */
const DELETED_MS = 90_000;
/** After this the writers have met the silence: what was under way is done. */
const SETTLE_MS = 15_000;
const CLASS = 'e2e-nfs';
const STAYS = 'e2e-dead-stays';
const GOES = 'e2e-dead-goes';
const IDLE = 'echo written >/data/file && sync /data/file && sleep infinity';
const LATE = 'e2e-dead-late';

/** What a node of the cluster serves has nothing to do with the dead server. */
const OTHER_CLASS = 'e2e-exported';
const OTHERS = [0, 1].map((index) => `e2e-dead-other-${index}`);
const FRESH = 'e2e-dead-fresh';

async function startPods({ cluster, nodes }: Stowage): Promise<void> {
  const pods = [...OTHERS, STAYS, GOES];
  for (const pod of pods) {
    await cluster.apply(claim(pod, { storageClass: OTHERS.includes(pod) ? OTHER_CLASS : CLASS }));
    // All on one node, so that they could be in each other's way. The one that goes writes no more: nobody can kill what waits in fsync(2) for a server.
    await cluster.apply(pod === GOES ? podWith(pod, IDLE, nodes[0]) : writerPod(pod, nodes[0]));
  }
  for (const pod of pods) await cluster.ready(`pod/${pod}`);
}

/** What goes on while the server is silent. @returns how long the deleted pod took */
async function whileItIsSilent(stowage: Stowage): Promise<number> {
  const { cluster, nodes } = stowage;
  const rounds = async () => (await cluster.logs(`pod/${STAYS}`)).trimEnd().split('\n').at(-1);
  await sleep(SETTLE_MS);
  const last = await rounds();
  const startMs = performance.now();
  await cluster.kubectl(['delete', `pod/${GOES}`, '--wait=false']);
  await untilTrue(`${GOES} is gone`, DELETED_MS, async () => !(await cluster.exists(`pod/${GOES}`)));
  const seconds = (performance.now() - startMs) / 1000;
  for (const pod of OTHERS) await stillWrites(stowage, pod, SLOW_MS);

  await cluster.apply(claim(LATE, { storageClass: CLASS }));
  const said = await until('the claim says which server is silent', SLOW_MS, async () => {
    const events = await cluster.events(`pvc/${LATE}`);
    return events.includes(stowage.nfs.server().host) ? events : undefined;
  });
  check(/ProvisioningFailed/.test(said), `no event of a failure: ${said}`);

  await cluster.apply(claim(FRESH, { storageClass: OTHER_CLASS }));
  await cluster.apply(podWith(FRESH, 'echo written >/data/file && sleep infinity', nodes[0]));
  await cluster.ready(`pod/${FRESH}`);
  await cluster.remove(`pod/${FRESH}`, `pvc/${FRESH}`);
  check((await rounds()) === last, 'the silent server has answered');
  return seconds;
}

export const nfsDeadServerCases: readonly Case[] = [
  {
    name: 'NFS: a server stopped and back while pods run and are deleted',
    chart: 'managed',
    needs: ['nfs', 'nfsServer', 'nfsStop', 'nfsServing', 'quota'],
    async run(stowage) {
      const { cluster, nfs } = stowage;
      const all = [STAYS, GOES, LATE, FRESH, ...OTHERS];
      try {
        await startPods(stowage);
        await nfs.stop();
        const seconds = await whileItIsSilent(stowage);
        const backMs = performance.now();
        await nfs.start();
        for (const pod of [STAYS, ...OTHERS]) {
          await stillWrites(stowage, pod, SLOW_MS);
          await compareWritten(stowage, pod);
        }
        const onSeconds = (performance.now() - backMs) / 1000;
        await cluster.inPhase(`pvc/${LATE}`, 'Bound', SLOW_MS);
        await cluster.apply(writerPod(GOES));
        await cluster.ready(`pod/${GOES}`, SLOW_MS);
        await compareWritten(stowage, GOES);
        return `its pod was gone after ${seconds.toFixed(1)} s; all compared ${onSeconds.toFixed(1)} s after it was back`;
      } finally {
        await nfs.start();
        await cluster.remove(...all.map((name) => `pod/${name}`));
        await cluster.remove(...all.map((name) => `pvc/${name}`));
        await stowage.nothingLeft();
      }
    },
  },
];
