import type { Cleanup } from '../../src/cli/demo/cleanup.ts';
import type { Feature } from './features.ts';
import type { Cluster } from './kubectl.ts';
import { CONTROLLER_LABEL, type NfsPlan } from './nfs-values.ts';
import type { E2eOptions } from './options.ts';

const ADDRESS = '{.status.addresses[?(@.type=="InternalIP")].address}';

/** Where NFS's controller shall run, and what can be tried. */
export interface NfsChoice {
  readonly plan: NfsPlan;
  readonly node: string;
  readonly has: readonly Feature[];
  readonly why: Readonly<Partial<Record<Feature, string>>>;
}

/** Chooses and labels the node that has the controller and serves volumes: one that is not the server of the environment, since one kernel has one exported root. */
export async function chooseNfs(
  cluster: Cluster,
  image: string,
  options: E2eOptions,
  nodes: readonly string[],
  has: ReadonlySet<string>,
  cleanup: Cleanup,
): Promise<NfsChoice> {
  const addresses = await Promise.all(nodes.map((node) => cluster.field(`node/${node}`, ADDRESS)));
  const free = addresses.findLastIndex((address) => address !== options.nfs?.host);
  const index = free < 0 ? nodes.length - 1 : free;
  const node = nodes[index] ?? '';
  if (has.has('nfs')) {
    cleanup.add('the label of the controller of NFS', () => label(cluster, node, `${CONTROLLER_LABEL}-`));
    await label(cluster, node, `${CONTROLLER_LABEL}=true`);
  }
  const why: Partial<Record<Feature, string>> = {
    ...(has.has('nfs') ? {} : { nfs: "the nodes' kernel has no NFS" }),
    ...(options.nfs === undefined ? { nfsServer: 'STOWAGE_E2E_NFS_SERVER names no server' } : {}),
    ...(options.nfs?.stopCommand === undefined || options.nfs.startCommand === undefined
      ? { nfsStop: 'STOWAGE_E2E_NFS_STOP and STOWAGE_E2E_NFS_START do not say how to stop the server' }
      : {}),
    ...(free < 0
      ? { nfsServing: 'each node is the server of STOWAGE_E2E_NFS_SERVER, and cannot serve volumes besides' }
      : {}),
    ...(options.mariadbImage === undefined ? { mariadb: 'STOWAGE_E2E_MARIADB names no image' } : {}),
  };
  const wanted = ['nfs', 'nfsServer', 'nfsStop', 'nfsServing', 'mariadb'] as const;
  return {
    plan: { server: options.nfs, servingAddress: addresses[index] ?? '', has, image },
    node,
    has: wanted.filter((feature) => why[feature] === undefined),
    why,
  };
}

async function label(cluster: Cluster, node: string, word: string): Promise<void> {
  await cluster.kubectl(['label', `node/${node}`, word, '--overwrite']);
}
