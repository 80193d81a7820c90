import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { DISKS, FILES } from './disks.ts';
import type { Chart, Values } from './install.ts';
import type { NfsServer } from './options.ts';

const EXAMPLES = 'examples/kubernetes/values-nfs.yaml';
/** What the examples' values want of the controller's node. */
export const CONTROLLER_LABEL = 'stowage.dev/nfs-controller';

const list = z.array(z.looseObject({ name: z.string() }));
const examplesSchema = z.looseObject({
  nfs: z.looseObject({
    controller: z.looseObject({}),
    managed: z.looseObject({ pools: list }),
    storageClasses: list,
    snapshotClasses: list,
  }),
});

export interface NfsPlan {
  readonly server: NfsServer | undefined;
  /** By which nodes reach the node that serves volumes. */
  readonly servingAddress: string;
  readonly has: ReadonlySet<string>;
  /** The driver's image, for pods that want programs of it. */
  readonly image: string;
}

/** The values of an installation for NFS alone: those of the examples, and what the cases need besides. */
export async function nfsValues(values: Values, chart: Chart, plan: NfsPlan): Promise<object> {
  const { nfs } = examplesSchema.parse(parse(await readFile(EXAMPLES, 'utf8')));
  const isManaged = chart === 'managed';
  const { managed, snapshotClasses, storageClasses, controller, ...others } = nfs;
  const ofPools = isManaged ? managedPools(plan) : [];
  return {
    ...values,
    snapshots: { enabled: plan.has.has('snapshots'), groups: isManaged && plan.has.has('groupSnapshots') },
    local: { ...values.local, enabled: false },
    nfs: {
      ...(isManaged ? others : { enabled: true }),
      controller: { ...controller, state: { hostPath: `${FILES}/nfs-controller` } },
      node: { stateDir: `${FILES}/nfs-node`, addressFrom: 'hostIP' },
      ...(isManaged
        ? {
            managed: {
              ...managed,
              server: plan.servingAddress,
              serverDir: `${FILES}/nfs-server`,
              pools: [...managed.pools, ...ofPools],
            },
          }
        : {}),
      storageClasses: [
        ...(isManaged ? storageClasses : []),
        ...ofPools.map(({ name }) => ({ name: `e2e-${name}`, pool: name, mountOptions: ['vers=4.2'] })),
        ...shareClasses(plan.server),
      ],
      ...(isManaged ? {} : { volumeAttributesClasses: [{ name: 'e2e-nfs', parameters: { onDelete: 'delete' } }] }),
      snapshotClasses: [...(isManaged ? snapshotClasses : []), { name: 'e2e-nfs' }],
    },
  };
}

function managedPools({ has }: NfsPlan) {
  return [
    ...(has.has('quota')
      ? [{ name: 'exported', backend: 'directory', path: `${DISKS}/exported`, requireMount: true }]
      : []),
    ...(has.has('btrfs')
      ? [{ name: 'exported-btrfs', backend: 'btrfs', path: `${DISKS}/exported-btrfs`, requireMount: true }]
      : []),
  ];
}

function shareClasses(server: NfsServer | undefined) {
  if (server === undefined) return [];
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of the provisioner's
  const subDir = '${pvc.metadata.namespace}-${pvc.metadata.name}';
  return [
    {
      name: 'e2e-nfs',
      parameters: { server: server.host, share: server.share, subDir },
      mountOptions: ['vers=4.2'],
    },
  ];
}
