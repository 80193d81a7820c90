import { type Chart, NAMESPACE, upgrade, type Values } from './install.ts';
import type { Cluster } from './kubectl.ts';
import type { Nfs } from './nfs.ts';
import { nfsValues } from './nfs-values.ts';
import type { Power } from './power.ts';
import { untilTrue } from './wait.ts';

export const DRIVER = 'local.csi.stowage.dev';
const CONFIG = '/etc/stowage/config.yaml';
const GONE_MS = 120_000;

/** An installation in a cluster, as an administrator sees it. */
export type Stowage = ReturnType<typeof createStowage>;

/** A mount that a node has of a volume of ours. */
export interface NodeMount {
  readonly path: string;
  readonly options: string;
}

/** Of what `stowage ls --json` shows. */
interface Listed {
  readonly items: readonly Readonly<Record<'pool' | 'kind' | 'state' | 'id' | 'name', string>>[];
}

export function createStowage(cluster: Cluster, values: Values, nodes: readonly string[], power: Power, nfs: Nfs) {
  let chart: Chart | undefined;

  /** Installs the chart so, or changes how it is installed. @returns true where it was installed otherwise */
  async function use(wanted: Chart): Promise<boolean> {
    if (chart === wanted) return false;
    await upgrade(cluster, wanted === 'local' ? values : await nfsValues(values, wanted, nfs.plan));
    chart = wanted;
    return true;
  }

  /** The driver's pod of a node. */
  async function podOn(node: string): Promise<string> {
    const pod = await cluster.kubectl([
      ...['get', 'pod', '-n', NAMESPACE, '-l', 'app.kubernetes.io/component=local'],
      ...['--field-selector', `spec.nodeName=${node},status.phase=Running`, '-o', 'name'],
    ]);
    const [name = ''] = pod.split('\n');
    if (name === '') throw new Error(`node ${node} has no pod of the driver`);
    return name;
  }

  /** Runs a program in the driver's container of a node, which sees the node's mounts and devices. */
  const onNode = async (node: string, args: readonly string[]) =>
    cluster.exec(await podOn(node), args, { namespace: NAMESPACE, container: 'driver' });

  /** `stowage COMMAND` on a node. */
  const stowage = (node: string, ...args: readonly string[]) =>
    onNode(node, ['stowage', ...args, '--config', CONFIG, '--node-id', node]);

  /** Mounts of a volume at the kubelet's paths; `volume` is the PersistentVolume's name or a pod's uid. */
  async function mountsOf(node: string, word: string): Promise<NodeMount[]> {
    return (await onNode(node, ['cat', '/proc/self/mountinfo']))
      .split('\n')
      .map((line) => line.split(' '))
      .map(([, , , , path = '', options = '']) => ({ path, options }))
      .filter(({ path }) => path.includes('/kubelet/') && path.includes(word));
  }

  /** A line for each record that `stowage ls` shows of a node. */
  async function records(node: string): Promise<string[]> {
    const { items }: Listed = JSON.parse(await stowage(node, 'ls', '--json'));
    return items.map(({ pool, kind, state, id, name }) => `${pool} ${kind} ${state} ${id} ${name}`);
  }

  /** The files behind loop devices of a node that lie in pools: volumes of backend `image` in use. */
  async function loops(node: string): Promise<string[]> {
    const out = await onNode(node, ['losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE']);
    return out.split('\n').filter((line) => line.includes('/volumes/') || line.includes('/snapshots/'));
  }

  /** Nothing of a volume is left: no record, mount or loop device on any node, nothing of NFS. */
  async function nothingLeft(): Promise<void> {
    if (chart === 'share' || chart === 'managed') return nfs.nothingLeft(chart);
    for (const node of nodes) {
      await untilTrue(`node ${node} has no volume any more`, GONE_MS, async () => {
        const left = [...(await records(node)), ...(await mountsOf(node, `~csi/`)).map(({ path }) => path)];
        if (left.length > 0) throw new Error(left.join('; '));
        return true;
      });
      await stowage(node, 'gc');
    }
  }

  return { cluster, values, nodes, power, nfs, use, podOn, onNode, stowage, mountsOf, records, loops, nothingLeft };
}
