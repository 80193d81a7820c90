import type { Case } from '../case.ts';
import { example } from '../example.ts';
import type { Stowage } from '../stowage.ts';
import { check, SLOW_MS, until, untilTrue } from '../wait.ts';

const SHARE = { chart: 'share', needs: ['nfs', 'nfsServer'], fillIn: ourServer } as const;
const MANAGED = { chart: 'managed', needs: ['nfs', 'nfsServing'] } as const;

/** The reader of these examples is told to put a server and its share in. */
function ourServer({ nfs }: Stowage, text: string): string {
  const { host, share } = nfs.server();
  return text.replaceAll('nfs.example.org', host).replaceAll('share: /export', `share: ${share}`);
}

/** The pods of a Deployment, once so many are ready. */
async function ready({ cluster }: Stowage, app: string, count: number): Promise<string[]> {
  const pods = await until(`${app} has ${count} pods`, SLOW_MS, async () => {
    const names = await cluster.names('pod', { selector: `app=${app}` });
    return names.length === count ? names : undefined;
  });
  for (const pod of pods) await cluster.ready(pod);
  return pods;
}

/** The nodes that these pods run on, each once. */
async function nodesOf({ cluster }: Stowage, pods: readonly string[]): Promise<string[]> {
  return [...new Set(await Promise.all(pods.map((pod) => cluster.field(pod, '{.spec.nodeName}'))))];
}

const staticVolume = example(
  ['nfs-static'],
  async ({ cluster }) => {
    await cluster.ready('pod/nfs-static');
    await cluster.logged('nfs-static', /there before/);
    return 'what was in the folder is in the pod';
  },
  SHARE,
);

/** What the volume's record says of its end. */
async function onDeleteOf({ nfs }: Stowage, claim: string, cluster: Stowage['cluster']): Promise<string> {
  const volume = await cluster.field(`pvc/${claim}`, '{.spec.volumeName}');
  const id = await cluster.field(`pv/${volume}`, '{.spec.csi.volumeHandle}');
  const record = await nfs.onController('cat', `/var/lib/stowage/pools/tank/.stowage/volumes/${id}.json`);
  return /"onDelete":"(\w+)"/.exec(record)?.[1] ?? '';
}

export const nfsExampleCases: readonly Case[] = [
  example(
    ['nfs-share'],
    async (stowage) => {
      const { cluster, nfs } = stowage;
      await cluster.ready('pod/nfs-share');
      await cluster.logged('nfs-share', /\d\d:\d\d:\d\d/);
      check((await nfs.onShare('cat default/nfs-share/log')).trim() !== '', 'the folder on the share has no log');
      return undefined;
    },
    SHARE,
  ),

  {
    ...staticVolume,
    async run(stowage) {
      await stowage.nfs.onShare('mkdir -p media && touch "media/there before"');
      try {
        const seen = await staticVolume.run(stowage);
        check((await stowage.nfs.onShare('ls media')).includes('there before'), 'the folder went with its volume');
        return seen;
      } finally {
        await stowage.nfs.onShare('rm -r media');
      }
    },
  },

  example(
    ['nfs-read-write-many', 'nfs-read-only-many'],
    async (stowage) => {
      const { cluster, nfs, nodes } = stowage;
      const writers = await ready(stowage, 'read-write-many', 2);
      const readers = await ready(stowage, 'read-only-many', 2);
      const [writer = ''] = writers;
      await untilTrue('each writer sees the file of the other', SLOW_MS, async () => {
        const seen = await cluster.exec(writer, ['ls', '/data']);
        return writers.every((pod) => seen.includes(pod.replace('pod/', '')));
      });
      const refused = await cluster.exec(readers[0] ?? '', ['sh', '-c', 'touch /data/file 2>&1 || true']);
      check(/Read-only file system/.test(refused), `a reader may write: ${refused}`);
      const admitted = (await nfs.exports()).filter((line) => /\((?:.*,)?ro\b/.test(line));
      const places = await nodesOf(stowage, readers);
      check(
        admitted.length === places.length,
        `not each reader is held to reading by the server: ${admitted.join('; ')}`,
      );
      const wanted = Math.min(2, nodes.length);
      check((await nodesOf(stowage, writers)).length === wanted, 'the writers are not on different nodes');
      return `two writers on ${wanted} nodes, two readers on ${places.length}`;
    },
    { chart: 'managed', needs: ['nfs', 'nfsServing', 'snapshots'] },
  ),

  example(
    ['nfs-group-snapshot'],
    async ({ cluster }) => {
      await cluster.ready('pod/group');
      const path = '{.status.readyToUse}';
      await untilTrue('the snapshots are ready', SLOW_MS, async () => {
        return (await cluster.field('volumegroupsnapshot/group', path)) === 'true';
      });
      const owner = '{range .items[*]}{.metadata.ownerReferences[*].name} {.status.readyToUse}{"\\n"}{end}';
      const members = (await cluster.kubectl(['get', 'volumesnapshot', '-o', `jsonpath=${owner}`])).trim().split('\n');
      check(members.length === 2 && members.every((line) => line === 'group true'), `not two of them: ${members}`);
      return 'two snapshots, together';
    },
    { chart: 'managed', needs: ['nfs', 'nfsServing', 'groupSnapshots'] },
  ),

  example(
    ['nfs-attributes'],
    async (stowage) => {
      const { cluster } = stowage;
      await cluster.ready('pod/attributes');
      check((await onDeleteOf(stowage, 'attributes', cluster)) === 'archive', 'the volume was made without its class');
      const become = async (name: string, onDelete: string) => {
        const patch = JSON.stringify({ spec: { volumeAttributesClassName: name } });
        await cluster.kubectl(['patch', 'pvc/attributes', '-p', patch]);
        await untilTrue(`the record says ${onDelete}`, SLOW_MS, async () => {
          return (await onDeleteOf(stowage, 'attributes', cluster)) === onDelete;
        });
      };
      await become('stowage-keep', 'retain'); // as the example says
      await cluster.apply({
        apiVersion: 'storage.k8s.io/v1',
        kind: 'VolumeAttributesClass',
        metadata: { name: 'e2e-delete' },
        driverName: 'nfs.csi.stowage.dev',
        parameters: { onDelete: 'delete' },
      });
      try {
        await become('e2e-delete', 'delete'); // so that nothing is left of it
      } finally {
        await cluster.remove('pod/attributes', 'pvc/attributes', 'volumeattributesclass/e2e-delete');
      }
      return 'made with one class, changed to two others';
    },
    MANAGED,
  ),
];
