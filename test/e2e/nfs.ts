import { command } from './command.ts';
import { type Chart, NAMESPACE } from './install.ts';
import type { Cluster } from './kubectl.ts';
import type { NfsPlan } from './nfs-values.ts';
import type { NfsServer } from './options.ts';
import { SLOW_MS, untilTrue } from './wait.ts';

export const NFS_DRIVER = 'nfs.csi.stowage.dev';
const CONFIG = '/etc/stowage/config.yaml';
const COMMAND_MS = 120_000;

/** NFS in a cluster, as an administrator sees it. */
export type Nfs = ReturnType<typeof createNfs>;

export interface Attachment {
  readonly volume: string;
  readonly node: string;
}

/** @param servingNode where the controller runs, and serves volumes in managed mode */
export function createNfs(
  cluster: Cluster,
  nodes: readonly string[],
  plan: NfsPlan,
  servingNode: string,
  mariadbImage: string | undefined,
) {
  async function podOf(component: string, node: string): Promise<string> {
    const [name = ''] = (
      await cluster.kubectl([
        ...['get', 'pod', '-n', NAMESPACE, '-l', `app.kubernetes.io/component=${component}`],
        ...['--field-selector', `spec.nodeName=${node},status.phase=Running`, '-o', 'name'],
      ])
    ).split('\n');
    if (name === '') throw new Error(`node ${node} has no pod of ${component}`);
    return name;
  }

  const inDriver = { namespace: NAMESPACE, container: 'driver' };
  /** Runs a program in the controller's driver, which in managed mode sees the exports. */
  const onController = async (...args: readonly string[]) =>
    cluster.exec(await podOf('nfs-controller', servingNode), args, inDriver);
  /** Runs a program where a node's mounts are made: in its network, with the right to mount. */
  const onNode = async (node: string, ...args: readonly string[]) =>
    cluster.exec(await podOf('nfs-node', node), args, inDriver);

  /** The server that the environment names. @throws where it names none */
  function server(): NfsServer {
    if (plan.server === undefined) throw new Error('STOWAGE_E2E_NFS_SERVER names no server');
    return plan.server;
  }

  /** Runs a shell's commands in the root of the server's share. */
  function onShare(script: string): Promise<string> {
    const { host, share } = server();
    return onNode(servingNode, 'sh', '-c', IN_SHARE, `${host}:${share}`, script);
  }

  /** What is attached of this driver. */
  async function attachments(): Promise<Attachment[]> {
    const each = '{.spec.attacher} {.spec.source.persistentVolumeName} {.spec.nodeName} {.status.attached}{"\\n"}';
    const lines = await cluster.kubectl(['get', 'volumeattachment', '-o', `jsonpath={range .items[*]}${each}{end}`]);
    return lines
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([attacher, , , attached]) => attacher === NFS_DRIVER && attached === 'true')
      .map(([, volume = '', node = '']) => ({ volume, node }));
  }

  /** Lines of the kernel's table of exports that are not its root: paths, each with whom it admits. */
  async function exports(): Promise<string[]> {
    const table = await onController('cat', '/var/lib/nfs/etab');
    return table.split('\n').filter((line) => line !== '' && !/[(,]fsid=(0|root)[,)]/.test(line));
  }

  /** Records of volumes and snapshots: of pools that we serve, and of the server's share. */
  async function records(): Promise<string[]> {
    const [list = ''] = (await onController('stowage', 'ls', '--config', CONFIG)).split('\n\n');
    const ofPools = list.split('\n').slice(1);
    if (plan.server === undefined) return ofPools;
    const ofShare = await onShare('ls .stowage/volumes .stowage/snapshots 2>/dev/null || true');
    return [...ofPools, ...ofShare.split('\n').filter((name) => name.endsWith('.json'))];
  }

  /** Mounts of volumes at the kubelet's paths of all nodes. */
  async function mounts(): Promise<string[]> {
    const tables = await Promise.all(nodes.map((node) => onNode(node, 'cat', '/proc/self/mountinfo')));
    return tables.flatMap((table) => table.split('\n')).filter((line) => /\/kubelet\/.* - nfs4? /.test(line));
  }

  /** Nothing of a volume is left: nothing attached or mounted, no record, no export. */
  async function nothingLeft(chart: Chart): Promise<void> {
    await untilTrue('nothing is left of volumes on NFS', SLOW_MS, async () => {
      const left = [
        ...(await attachments()).map(({ volume, node }) => `${volume} is attached to ${node}`),
        ...(await mounts()),
        ...(await records()),
        ...(chart === 'managed' ? await exports() : []),
      ];
      if (left.length > 0) throw new Error(left.join('; '));
      return true;
    });
  }

  const shell = async (line: string | undefined) => {
    if (line === undefined) throw new Error('STOWAGE_E2E_NFS_STOP and STOWAGE_E2E_NFS_START do not say how');
    await command('sh', ['-c', line], { timeoutMs: COMMAND_MS });
  };

  return {
    servingNode,
    servingAddress: plan.servingAddress,
    mariadbImage,
    plan,
    server,
    onController,
    onNode,
    onShare,
    attachments,
    exports,
    records,
    nothingLeft,
    stop: () => shell(server().stopCommand),
    start: () => shell(server().startCommand),
  };
}

const IN_SHARE = `
folder=$(mktemp -d) && mount -t nfs4 "$0" $folder || exit 1
(cd $folder && eval "$1"); status=$?
umount $folder && rmdir $folder && exit $status`;
