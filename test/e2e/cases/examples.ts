import type { Case } from '../case.ts';
import { example, sha256In } from '../example.ts';
import type { Stowage } from '../stowage.ts';
import { check, until, untilTrue } from '../wait.ts';
import { grows } from './growth.ts';

const MINUTE_MS = 60_000;

const runs = (pod: string) => async (stowage: Stowage) => {
  await stowage.cluster.ready(`pod/${pod}`);
  return undefined;
};

export const exampleCases: readonly Case[] = [
  example(['read-write-once'], async ({ cluster }) => {
    const startMs = performance.now();
    await cluster.ready('pod/read-write-once');
    const seconds = (performance.now() - startMs) / 1000;
    await cluster.logged('read-write-once', /9\d\d\.\d+M .*\/data/);
    return `claim to ready pod ${seconds.toFixed(1)} s`;
  }),

  example(['read-write-once-pod'], async ({ cluster }) => {
    await cluster.ready('pod/once-pod-first');
    await until('the second pod says why it waits', MINUTE_MS, async () =>
      /ReadWriteOncePod/.test(await cluster.events('pod/once-pod-second')) ? true : undefined,
    );
    await cluster.remove('pod/once-pod-first');
    await cluster.ready('pod/once-pod-second');
    await cluster.logged('once-pod-second', /^first$/m);
    return 'the second pod waited, and got the data';
  }),

  example(['retain'], async ({ cluster }) => {
    await cluster.ready('pod/retain');
    const volume = await cluster.field('pvc/retain', '{.spec.volumeName}');
    await cluster.remove('pod/retain', 'pvc/retain');
    await cluster.inPhase(`pv/${volume}`, 'Released', MINUTE_MS);
    // What the administrator does who wants it gone after all.
    await cluster.kubectl(['patch', `pv/${volume}`, '-p', '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}']);
    await cluster.gone(`pv/${volume}`);
    return 'Released, then deleted by hand';
  }),

  example(['immediate'], async ({ cluster }) => {
    const startMs = performance.now();
    await cluster.inPhase('pvc/immediate', 'Bound', 2 * MINUTE_MS);
    const seconds = (performance.now() - startMs) / 1000;
    await cluster.ready('pod/immediate');
    return `bound after ${seconds.toFixed(1)} s`;
  }),

  example(['mount-options'], async ({ cluster }) => {
    await cluster.ready('pod/mount-options');
    await cluster.logged('mount-options', / \/data xfs \S*nodev,\S*noatime/);
    return 'xfs with noatime, nodev';
  }),

  example(['statefulset'], async ({ cluster }) => {
    const pods = [0, 1, 2].map((index) => `pod/stateful-${index}`);
    for (const pod of pods) await cluster.ready(pod);
    const before = await cluster.field('pod/stateful-1', '{.spec.nodeName} {.metadata.uid}');
    const [node = '', uid = ''] = before.split(' ');
    await cluster.kubectl(['delete', 'pod/stateful-1']);
    await untilTrue('the replica is there again', MINUTE_MS, async () => {
      return (
        (await cluster.exists('pod/stateful-1')) && (await cluster.field('pod/stateful-1', '{.metadata.uid}')) !== uid
      );
    });
    check((await cluster.ready('pod/stateful-1')) === node, 'the replica came back on another node');
    await cluster.logged('stateful-1', /stateful-1 .*\n.*stateful-1 /);
    return 'a replica came back to its data';
  }),

  example(['raw-block'], async ({ cluster }) => {
    await cluster.ready('pod/raw-block');
    await cluster.logged('raw-block', /hello, device/);
    return undefined;
  }),

  example(['expansion'], (stowage) => grows(stowage, 'expansion'), { needs: ['resource'] }), // its file system is ext4

  example(
    ['source', 'snapshot', 'restore', 'clone'],
    async (stowage) => {
      const { cluster } = stowage;
      const node = await cluster.ready('pod/source');
      const sum = await sha256In(stowage, 'source');
      const retries: string[] = [];
      for (const copy of ['restored', 'cloned']) {
        check((await cluster.ready(`pod/${copy}`)) === node, `${copy} is on another node than its source`);
        check((await sha256In(stowage, copy)) === sum, `the data of ${copy} is not the source's`);
        const failures = (await cluster.events(`pvc/${copy}`)).match(/ProvisioningFailed/g) ?? [];
        retries.push(`${copy}: ${failures.length} tries elsewhere`);
      }
      return retries.join(', ');
    },
    { needs: ['snapshots'] },
  ),

  example(['ephemeral'], async ({ cluster }) => {
    await cluster.ready('pod/inline-scratch');
    await cluster.logged('inline-scratch', / \/disk$/m);
    await cluster.logged('inline-scratch', / 64\.0M .* \/memory$/m);
    await cluster.ready('pod/generic-scratch');
    return undefined;
  }),

  example(['static-volume'], async (stowage) => {
    const { cluster, nodes, onNode } = stowage;
    const node = nodes.at(-1) ?? '';
    await cluster.kubectl(['label', `node/${node}`, 'stowage.dev/example=true', '--overwrite']);
    try {
      check((await cluster.ready('pod/static')) === node, 'the pod is on another node than its volume');
      const log = await onNode(node, ['cat', '/var/lib/stowage/examples/static/log']);
      check(log.trim() !== '', 'nothing was written');
    } finally {
      await cluster.kubectl(['label', `node/${node}`, 'stowage.dev/example-']);
      await onNode(node, ['rm', '-r', '/var/lib/stowage/examples/static']);
    }
    return 'data on the labelled node';
  }),

  example(['host-path'], async ({ cluster, onNode }) => {
    const node = await cluster.ready('pod/host-path');
    const log = await onNode(node, ['cat', '/var/lib/stowage/examples/shared/log']);
    check(log.trim() !== '', 'nothing was written');
    await onNode(node, ['rm', '/var/lib/stowage/examples/shared/log']);
    return undefined;
  }),

  example(['mount-propagation'], async ({ cluster }) => {
    await cluster.ready('pod/mount-propagation');
    await cluster.logged('mount-propagation', /^seen$/m);
    return undefined;
  }),

  example(['fs-group'], async ({ cluster }) => {
    await cluster.ready('pod/fs-group');
    await cluster.logged('fs-group', / 1000 +2000 .* mine$/m);
    return 'the file belongs to 1000:2000';
  }),

  example(['sub-path'], runs('sub-path')),
];
