import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Case } from '../case.ts';
import { NFS_DRIVER } from '../nfs.ts';
import { claim, persistentVolume, podWith, storageClass } from '../objects.ts';
import { follow } from '../pages.ts';
import type { Stowage } from '../stowage.ts';
import { check } from '../wait.ts';

const NAME = 'e2e-adopted';
const CLASS = 'e2e-old-nfs';
const CSI_PAGE = 'move-from-csi-driver-nfs.md';
const SUBDIR_PAGE = 'move-from-nfs-subdir-external-provisioner.md';
/** As nfs-subdir-external-provisioner names it: by namespace, claim and volume. */
const FOLDER = `default-${NAME}-${NAME}`;
const CHANGE_OVER = ['kubectl get pvc -A -o json', 'kubectl delete -f claims.json'];
const DELETE_AGAIN = 'xargs -n 1 kubectl patch pv -p \'{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}\'';

interface OldProvisioner {
  readonly title: string;
  readonly provisioner: string;
  /** What its volumes say of the folder on the share. */
  readonly source: (host: string, share: string) => object;
  /** What its StorageClass says of the server. */
  readonly parameters: (host: string, share: string) => Readonly<Record<string, string>>;
  /** Follows the pages, in a folder for the files that they make. */
  readonly move: (stowage: Stowage, folder: string) => Promise<void>;
}

const csiDriver: OldProvisioner = {
  title: 'page: a volume of csi-driver-nfs becomes one of ours',
  provisioner: 'nfs.csi.k8s.io',
  source: (host, share) => ({
    csi: {
      driver: 'nfs.csi.k8s.io',
      volumeHandle: `${host}#${share.replace(/^\//, '')}#${FOLDER}##`,
      volumeAttributes: {
        ...{ server: host, share, subdir: FOLDER },
        'storage.kubernetes.io/csiProvisionerIdentity': '1700000000000-1234-nfs.csi.k8s.io',
      },
    },
  }),
  parameters: (server, share) => ({ server, share }),
  async move({ cluster }, folder) {
    const starts = [
      'kubectl get pv -o json | jq',
      'stowage() {',
      ...CHANGE_OVER,
      'kubectl get storageclass nfs-csi',
      DELETE_AGAIN,
    ];
    await follow(cluster, CSI_PAGE, starts, { before: `cd ${folder}`, fillIns: { 'nfs-csi': CLASS } });
  },
};

const subdirProvisioner: OldProvisioner = {
  title: 'page: a volume of nfs-subdir-external-provisioner becomes one of ours',
  provisioner: 'cluster.local/nfs-subdir-external-provisioner',
  source: (server, share) => ({ nfs: { server, path: join(share, FOLDER) } }),
  parameters: () => ({ archiveOnDelete: 'false' }),
  async move({ cluster }, folder) {
    const before = `cd ${folder}`;
    await follow(cluster, SUBDIR_PAGE, ['PROVISIONER=', 'stowage() {'], { before });
    await follow(cluster, CSI_PAGE, [...CHANGE_OVER, DELETE_AGAIN], { before });
  },
};

function pageCase({ title, provisioner, source, parameters, move }: OldProvisioner): Case {
  return {
    name: `NFS: ${title}`,
    chart: 'share',
    needs: ['nfs', 'nfsServer', 'jq'],
    async run(stowage) {
      const { cluster, nfs } = stowage;
      const { host, share } = nfs.server();
      const folder = await mkdtemp(join(tmpdir(), 'stowage-e2e-'));
      try {
        await nfs.onShare(`mkdir -p ${FOLDER} && echo kept >${FOLDER}/file`);
        await cluster.apply(storageClass(CLASS, provisioner, { parameters: parameters(host, share) }));
        await cluster.apply(oldVolume(provisioner, source(host, share)));
        await cluster.apply(claim(NAME, { storageClass: CLASS, accessMode: 'ReadWriteMany' }));
        await cluster.inPhase(`pvc/${NAME}`, 'Bound', 60_000);
        await move(stowage, folder);
        check((await cluster.field(`pv/${NAME}`, '{.spec.csi.driver}')) === NFS_DRIVER, 'the volume is the old one');
        await cluster.apply(podWith(NAME));
        await cluster.ready(`pod/${NAME}`);
        check((await cluster.exec(NAME, ['cat', '/data/file'])).trim() === 'kept', 'the data is not what it was');
        await cluster.remove(`pod/${NAME}`, `pvc/${NAME}`);
        await cluster.gone(`pv/${NAME}`);
        check(!(await nfs.onShare('ls')).split('\n').includes(FOLDER), 'the folder is still there');
        return 'with its data; deleted with its claim';
      } finally {
        await cluster.remove(`pod/${NAME}`, `pvc/${NAME}`, `pv/${NAME}`, `storageclass/${CLASS}`);
        await nfs.onShare(`rm -rf ${FOLDER}`);
        await rm(folder, { recursive: true });
        await stowage.nothingLeft();
      }
    },
  };
}

function oldVolume(provisioner: string, source: object): object {
  const spec = {
    ...source,
    storageClassName: CLASS,
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteMany'],
    mountOptions: ['vers=4.2'],
    persistentVolumeReclaimPolicy: 'Delete',
    claimRef: { namespace: 'default', name: NAME },
  };
  return persistentVolume(NAME, spec, { 'pv.kubernetes.io/provisioned-by': provisioner });
}

export const nfsPageCases: readonly Case[] = [csiDriver, subdirProvisioner].map(pageCase);
