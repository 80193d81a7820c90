import type { Case } from '../case.ts';
import { DISCOVERY } from '../disks.ts';
import { claim, persistentVolume, podWith, storageClass } from '../objects.ts';
import { follow } from '../pages.ts';
import type { Stowage } from '../stowage.ts';
import { check, untilTrue } from '../wait.ts';

const MINUTE_MS = 60_000;
const NAME = 'e2e-page';
const WRITE = 'mkdir -p /data/folder && echo kept >/data/folder/file && sync && sleep infinity';
const READ = ['cat', '/data/folder/file'] as const;

const isKept = async ({ cluster }: Stowage, pod: string) => (await cluster.exec(pod, READ)).trim() === 'kept';
/** The pages' Jobs want a shell and tar: the driver's image has both. */
const jobImage = ({ nfs }: Stowage) => ({ 'debian:12-slim': nfs.plan.image });

const backups: Case = {
  name: 'page: backups with snapshots, and a restore',
  needs: ['xfs', 'snapshots'],
  async run(stowage) {
    const { cluster } = stowage;
    try {
      await cluster.apply(claim(NAME, { storageClass: 'e2e-fast' }));
      await cluster.apply(claim('backups', { storageClass: 'stowage-local' }));
      await cluster.apply(podWith(NAME, WRITE));
      await cluster.ready(`pod/${NAME}`);
      await follow(cluster, 'back-up-with-snapshots.md', ['CLAIM=data ', 'FILE=data-'], {
        fillIns: {
          'CLAIM=data COPIES=stowage-copies': `CLAIM=${NAME} COPIES=e2e-fast-copies`,
          'FILE=data-20261129t120000z.tar.gz CLASS=stowage-local': 'FILE=$NAME.tar.gz CLASS=e2e-fast',
          ...jobImage(stowage),
        },
      });
      await cluster.remove('job/data-restored');
      await cluster.apply(podWith('data-restored'));
      await cluster.ready('pod/data-restored');
      check(await isKept(stowage, 'data-restored'), 'what was restored is not what was saved');
      return undefined;
    } finally {
      await cluster.remove('job/data-restored', `pod/${NAME}`, 'pod/data-restored');
      await cluster.remove(`pvc/${NAME}`, 'pvc/backups', 'pvc/data-restored');
      await stowage.nothingLeft();
    }
  },
};

const OLD_FOLDER = '/var/lib/stowage/examples/page';

const localPath: Case = {
  name: 'page: a volume of local-path-provisioner becomes one of ours',
  async run(stowage) {
    const { cluster, onNode, nodes } = stowage;
    const node = nodes.at(-1) ?? '';
    try {
      await onNode(node, ['mkdir', '-p', OLD_FOLDER]);
      // As the provisioner makes it.
      const hostPath = { path: OLD_FOLDER, type: 'DirectoryOrCreate' };
      await cluster.apply(
        volumeOnNode(NAME, node, 'local-path', { hostPath, persistentVolumeReclaimPolicy: 'Delete' }),
      );
      await cluster.apply(claim(NAME, { storageClass: 'local-path', size: '64Mi' }));
      await cluster.apply(podWith(NAME, WRITE));
      await cluster.ready(`pod/${NAME}`);
      await untilTrue('it is written', MINUTE_MS, () => isKept(stowage, NAME));
      await cluster.remove(`pod/${NAME}`);
      await follow(
        cluster,
        'move-from-local-path-provisioner.md',
        [
          'OLD=',
          'kubectl -n "$NAMESPACE" apply',
          'NEW=',
          'kubectl patch pv "$NEW" -p \'{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}\'',
        ],
        {
          before: `NAMESPACE=default CLAIM=${NAME} CLASS=stowage-local SIZE=64Mi`,
          fillIns: jobImage(stowage),
        },
      );
      await cluster.apply(podWith(NAME));
      check((await cluster.ready(`pod/${NAME}`)) === node, 'the volume is on another node');
      check(await isKept(stowage, NAME), 'the data is not what it was');
      check((await cluster.field(`pvc/${NAME}`, '{.spec.storageClassName}')) === 'stowage-local', 'the old volume');
      check(!(await cluster.exists(`pv/${NAME}`)), 'the old volume is still there');
      check((await onNode(node, ['cat', `${OLD_FOLDER}/folder/file`])).trim() === 'kept', 'the old data is gone');
      return undefined;
    } finally {
      await cluster.remove(`job/${NAME}-move`, `pod/${NAME}`);
      await cluster.remove(`pvc/${NAME}`, `pvc/${NAME}-moved`, `pv/${NAME}`);
      await onNode(node, ['rm', '-rf', OLD_FOLDER]);
      await stowage.nothingLeft();
    }
  },
};

const OLD_CLASS = 'e2e-static';
const FREE = `${NAME}-free`;
const MOVED = `${NAME}-moved`;
const AGAIN = `${NAME}-again`;

const staticProvisioner: Case = {
  name: 'page: disks of the static provisioner become ours, one when it becomes free',
  needs: ['jq'],
  async run(stowage) {
    const { cluster, onNode, nodes } = stowage;
    const node = nodes.at(-1) ?? '';
    const disk = `${DISCOVERY}/0`;
    const local = (path: string) => ({ local: { path }, persistentVolumeReclaimPolicy: 'Retain' });
    const page = (starts: readonly string[], fillIns: Readonly<Record<string, string>>) =>
      follow(cluster, 'move-from-static-provisioner.md', starts, { before: `CLASS=${OLD_CLASS}`, fillIns });
    try {
      await cluster.apply(classOfVolumes(OLD_CLASS));
      await cluster.apply(volumeOnNode(NAME, node, OLD_CLASS, local(disk)));
      await cluster.apply(claim(NAME, { storageClass: OLD_CLASS, size: '64Mi' }));
      await cluster.apply(podWith(NAME, WRITE));
      await cluster.ready(`pod/${NAME}`);
      await cluster.apply(volumeOnNode(FREE, node, OLD_CLASS, local(`${DISCOVERY}/1`)));
      await cluster.inPhase(`pv/${FREE}`, 'Available', MINUTE_MS);

      const listed = await page(['CLASS=local-storage\n', 'kubectl get pv -o json | jq -r --arg class'], {
        'CLASS=local-storage': '',
        'touch /mnt/disks/c/.keep': '#',
      });
      check(listed.includes([node, disk, NAME].join('\t')), `the claimed disk is not in the list: ${listed}`);
      await cluster.gone(`pv/${FREE}`);
      await onNode(node, ['touch', `${disk}/.keep`]);

      await page(['kubectl delete storageclass "$CLASS"'], {});
      await cluster.apply(claim(MOVED, { storageClass: OLD_CLASS, size: '64Mi' }));
      await cluster.apply(podWith(MOVED, 'sleep infinity', node));
      await cluster.ready(`pod/${MOVED}`);
      check(await isKept(stowage, NAME), 'the data of the old volume is gone');

      await cluster.remove(`pod/${NAME}`, `pvc/${NAME}`);
      await page(['kubectl delete pv local-pv-8d3f2a1b'], { 'local-pv-8d3f2a1b': NAME, 'find /mnt/disks/c': '#' });
      await onNode(node, ['find', disk, '-mindepth', '1', '-delete']);
      await cluster.apply(claim(AGAIN, { storageClass: OLD_CLASS, size: '64Mi' }));
      await cluster.apply(podWith(AGAIN, 'sleep infinity', node));
      await cluster.ready(`pod/${AGAIN}`);
      return undefined;
    } finally {
      const names = [NAME, MOVED, AGAIN];
      await cluster.remove(...names.map((name) => `pod/${name}`), ...names.map((name) => `pvc/${name}`));
      await cluster.remove(`pv/${NAME}`, `pv/${FREE}`, `storageclass/${OLD_CLASS}`);
      await onNode(node, ['find', disk, '-mindepth', '1', '-delete']);
      await stowage.nothingLeft();
    }
  },
};

function volumeOnNode(name: string, node: string, storageClassName: string, source: object): object {
  const onNode = { key: 'kubernetes.io/hostname', operator: 'In', values: [node] };
  return persistentVolume(name, {
    ...source,
    storageClassName,
    capacity: { storage: '64Mi' },
    accessModes: ['ReadWriteOnce'],
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [onNode] }] } },
  });
}

function classOfVolumes(name: string): object {
  return storageClass(name, 'kubernetes.io/no-provisioner', { volumeBindingMode: 'WaitForFirstConsumer' });
}

export const pageCases: readonly Case[] = [backups, localPath, staticProvisioner];
