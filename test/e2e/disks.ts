import type { Cleanup } from '../../src/cli/demo/cleanup.ts';
import { messageOf } from '../../src/errors.ts';
import type { Cluster } from './kubectl.ts';

/** Where each node has its disks for pools: files on loop devices, mounted below this folder. */
export const DISKS = '/mnt/stowage-e2e';
export const FILES = '/var/lib/stowage-e2e';
/** Where disks are mounted that become volumes as a whole. */
export const DISCOVERY = `${DISKS}/whole`;
export const DISKS_NAMESPACE = 'stowage-e2e';
const SIZE = '20G';
/** More than the disks of all nodes of one machine need. */
const LOOP_DEVICES = 63;
/** For pods that must stay on a node that is said to be lost and is not. */
export const LOST = { key: 'node.kubernetes.io/out-of-service', operator: 'Exists' };
/** The thin pool in a node's volume group, whose name has the node's: nodes that are containers share one kernel. */
export const THIN_POOL = 'thin';
export const groupOf = (node: string) => `e2e-${node}`;
/** Whole disks of a node, in MiB. */
export const WHOLE_DISKS_MIB = [256, 512] as const;

/** Makes and mounts what the kernel has, and undoes it at its end; after a restart of the node it mounts them again. `features` says what came of it. */
const SCRIPT = `
undo() {
  # The kernel's NFS server, where Stowage has started it, goes on without it and holds the disks.
  [ -e ${FILES}/nfs-server ] && nsenter --target 1 --net sh -c 'mount -t nfsd nfsd /mnt && echo 0 >/mnt/threads && umount /mnt'
  [ -e ${FILES}/group.img.made ] && vgremove --quiet --yes --force $group && losetup --detach $(losetup --noheadings --output NAME --associated ${FILES}/group.img)
  for name in xfs plain btrfs exported exported-btrfs whole/0 whole/1; do umount ${DISKS}/$name 2>/dev/null && rmdir ${DISKS}/$name; done
  rm -rf ${FILES}/*
  exit 0
}
trap undo TERM INT
group=${groupOf('$NODE')}
disk() { # NAME FILESYSTEM OPTIONS SIZE
  local file=${FILES}/$1.img
  mountpoint -q ${DISKS}/$1 && return 0
  mkdir -p ${DISKS}/$1 \${file%/*}
  if [ -e $file.made ]; then
    release $file
  else
    truncate -s \${4-${SIZE}} $file && mkfs.$2 -q $file && touch $file.made || return 1
  fi
  mount -t $2 -o loop,$3 $file ${DISKS}/$1
}
volume_group() {
  local file=${FILES}/group.img
  if ! vgs $group >/dev/null 2>&1; then
    truncate -s ${SIZE} $file && device=$(losetup --find --show $file) || return 1
    if [ ! -e $file.made ]; then
      vgcreate --quiet --yes $group $device || return 1
      lvcreate --quiet --yes --type thin-pool --extents 90%VG --poolmetadatasize 64m --name ${THIN_POOL} $group || return 1
      touch $file.made
    fi
  fi
  vgchange --quiet --activate y $group
}
# A node of kind is a container: when it is restarted, the kernel keeps loop devices of volumes on this disk, and so the disk itself.
release() { # FILE
  local disk volume
  for disk in $(losetup --noheadings --output MAJ:MIN --associated $1); do
    for volume in $(losetup --noheadings --list --output NAME,BACK-MAJ:MIN | awk -v disk=$disk '$2 == disk { print $1 }'); do
      losetup --detach $volume
    done
  done
  for try in $(seq 50); do [ -z "$(losetup --associated $1)" ] && break; sleep 0.2; done
}
: >${FILES}/features
# The /dev of a node that is a container does not get the devices that the kernel makes later.
for number in $(seq 0 ${LOOP_DEVICES}); do [ -e /dev/loop$number ] || mknod /dev/loop$number b 7 $number; done
disk xfs xfs noatime && echo xfs >>${FILES}/features
disk plain xfs prjquota && grep -q ' ${DISKS}/plain .*prjquota' /proc/mounts && echo quota >>${FILES}/features
mountpoint -q ${DISKS}/plain || disk plain xfs noatime
disk btrfs btrfs noatime && echo btrfs >>${FILES}/features
# Mounting, also in vain, makes the kernel load what it has.
mount -i -t nfs4 none /mnt 2>/dev/null
if grep -qw nfs4 /proc/filesystems && mount -t nfsd nfsd /mnt 2>/dev/null; then
  umount /mnt; echo nfs >>${FILES}/features
  disk exported xfs prjquota
  disk exported-btrfs btrfs noatime
fi
# Nothing in a container makes the kernel load device mapper.
nsenter --target 1 --mount modprobe --all dm_thin_pool dm_snapshot 2>/dev/null
grep -qw device-mapper /proc/misc && volume_group && echo lvm >>${FILES}/features
# Bit 24 of the capabilities: CAP_SYS_RESOURCE, without which the kernel lets no mounted ext4 grow.
(( (0x$(sed -n 's/^CapEff:\\s*//p' /proc/self/status) >> 24) & 1 )) && echo resource >>${FILES}/features
disk whole/0 ext4 noatime ${WHOLE_DISKS_MIB[0]}M && disk whole/1 ext4 noatime ${WHOLE_DISKS_MIB[1]}M || exit 1
touch ${FILES}/ready
sleep infinity & wait
`;

/** Gives each node file systems to keep pools on; they go at the end. @returns those nodes, and what all of them have of xfs, btrfs, quota, resource and nfs */
export async function provideDisks(
  cluster: Cluster,
  image: string,
  cleanup: Cleanup,
): Promise<{ nodes: string[]; has: Set<string> }> {
  cleanup.add('disks of the nodes', () => cluster.remove(`namespace/${DISKS_NAMESPACE}`));
  await cluster.apply(namespace());
  await cluster.apply(daemonSet(image));
  await cluster.kubectl(['rollout', 'status', 'daemonset/disks', '-n', DISKS_NAMESPACE, '--timeout', '5m'], {
    timeoutMs: 320_000,
  });
  const pods = await cluster.names('pod', { namespace: DISKS_NAMESPACE });
  const lists = await Promise.all(
    pods.map(async (pod) => {
      const text = await cluster.exec(pod, ['cat', `${FILES}/features`], { namespace: DISKS_NAMESPACE });
      return text.split('\n').filter((word) => word !== '');
    }),
  ).catch((error: unknown) => {
    throw new Error(`what the nodes have cannot be read: ${messageOf(error)}`);
  });
  const [first = [], ...others] = lists;
  const nodes = pods.map((pod) => cluster.field(pod, '{.spec.nodeName}', DISKS_NAMESPACE));
  return {
    nodes: (await Promise.all(nodes)).sort(),
    has: new Set(first.filter((word) => others.every((list) => list.includes(word)))),
  };
}

/** Runs a program in the pod that has a node's disks. */
export async function onDisks(cluster: Cluster, node: string, args: readonly string[]): Promise<string> {
  return cluster.exec(await diskPodOn(cluster, node), args, { namespace: DISKS_NAMESPACE });
}

/** The pod that has a node's disks. */
export async function diskPodOn(cluster: Cluster, node: string): Promise<string> {
  const [pod] = await cluster.podsOn(node, DISKS_NAMESPACE);
  if (pod === undefined) throw new Error(`node ${node} has no pod with its disks`);
  return pod;
}

function namespace(): object {
  const labels = { 'pod-security.kubernetes.io/enforce': 'privileged' };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: DISKS_NAMESPACE, labels } };
}

function daemonSet(image: string): object {
  const labels = { app: 'disks' };
  const folder = (name: string, path: string) => ({ name, hostPath: { path, type: 'DirectoryOrCreate' } });
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'disks', namespace: DISKS_NAMESPACE },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          tolerations: [LOST],
          terminationGracePeriodSeconds: 60,
          hostPID: true, // so that the driver's process can be killed as the kernel would
          containers: [
            {
              name: 'disks',
              image,
              command: ['bash', '-c', SCRIPT],
              env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
              securityContext: { privileged: true },
              // Not a readinessProbe: that would go on, and starting a program each second is all that an emulated node can do.
              startupProbe: {
                exec: { command: ['test', '-e', `${FILES}/ready`] },
                periodSeconds: 2,
                timeoutSeconds: 20,
                failureThreshold: 90,
              },
              volumeMounts: [
                { name: 'disks', mountPath: DISKS, mountPropagation: 'Bidirectional' },
                { name: 'files', mountPath: FILES },
                { name: 'dev', mountPath: '/dev' },
              ],
            },
          ],
          volumes: [folder('disks', DISKS), folder('files', FILES), folder('dev', '/dev')],
        },
      },
    },
  };
}
