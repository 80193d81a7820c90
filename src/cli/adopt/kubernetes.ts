import * as z from 'zod/mini';
import { StowageError } from '../../errors.ts';
import { parseJson } from '../../json.ts';

/** What `kubectl get pv,storageclass -o json` writes, as far as it is used here. Whoever may write objects of a cluster wrote it. */
const MAX_OBJECTS = 100_000;
const MAX_NAME = 128; // of a volume in CSI

const text = (most: number) => z.string().check(z.minLength(1), z.maxLength(most));
const strings = z.record(text(512), z.string().check(z.maxLength(256 * 1024)));
export const volumeName = z
  .string()
  .check(z.regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, { error: 'is no name' }), z.maxLength(MAX_NAME));

const listSchema = z.object({
  kind: z.enum(['List', 'PersistentVolumeList']),
  items: z.array(z.unknown()).check(z.maxLength(MAX_OBJECTS)),
});

/** Enough to tell whose a PersistentVolume is. */
const someVolume = z.object({
  kind: z.literal('PersistentVolume'),
  metadata: z.object({ name: text(253), annotations: z.optional(strings) }),
  spec: z.object({ csi: z.optional(z.object({ driver: z.string() })), nfs: z.optional(z.unknown()) }),
});

const volumeSchema = z.object({
  metadata: z.object({ name: volumeName, labels: z.optional(strings), annotations: z.optional(strings) }),
  spec: z.object({
    capacity: z.object({ storage: text(32) }),
    accessModes: z
      .array(z.enum(['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod']))
      .check(z.minLength(1), z.maxLength(4)),
    persistentVolumeReclaimPolicy: z.optional(text(32)),
    storageClassName: z.optional(z.string().check(z.maxLength(253))),
    mountOptions: z.optional(z.array(z.string().check(z.maxLength(4096))).check(z.maxLength(64))),
    claimRef: z.optional(z.object({ namespace: text(253), name: text(253) })),
    csi: z.optional(
      z.object({ volumeHandle: text(4096), readOnly: z.optional(z.boolean()), volumeAttributes: z.optional(strings) }),
    ),
    nfs: z.optional(z.object({ server: text(253), path: text(4096), readOnly: z.optional(z.boolean()) })),
  }),
});

const classSchema = z.object({
  kind: z.literal('StorageClass'),
  metadata: z.object({ name: text(253) }),
  parameters: z.optional(strings),
});

export type PersistentVolume = z.infer<typeof volumeSchema>;
export type ClassParameters = Readonly<Record<string, string>>;

/** A PersistentVolume of one of the provisioners. */
export interface OldVolume {
  readonly name: string;
  readonly provisioner: 'csi-driver-nfs' | 'nfs-subdir';
  /** @throws 'invalid' saying what of it is malformed */
  read(): PersistentVolume;
}

export interface Objects {
  readonly volumes: readonly OldVolume[];
  readonly classes: ReadonlyMap<string, ClassParameters>; // by name
  readonly othersCount: number; // PersistentVolumes of other provisioners, or of none
}

/**
 * Reads the objects that the command gets: a list, or one PersistentVolume.
 * @throws 'invalid' for what is neither
 */
export function readObjects(input: string): Objects {
  const value = parseJson(input);
  const list = listSchema.safeParse(value);
  const objects = list.success ? list.data.items : [value];
  const volumes: OldVolume[] = [];
  const classes = new Map<string, ClassParameters>();
  let othersCount = 0;
  for (const object of objects) {
    const volume = someVolume.safeParse(object);
    const storageClass = classSchema.safeParse(object);
    if (storageClass.success) classes.set(storageClass.data.metadata.name, storageClass.data.parameters ?? {});
    else if (!volume.success) {
      if (list.success) continue; // of another kind
      throw new StowageError(
        'invalid',
        'the input is no list of PersistentVolumes: give what `kubectl get pv -o json` writes',
      );
    } else {
      const provisioner = provisionerOf(volume.data);
      if (provisioner === undefined) othersCount++;
      else volumes.push({ name: volume.data.metadata.name, provisioner, read: () => readVolume(object) });
    }
  }
  return { volumes, classes, othersCount };
}

/** nfs-subdir-external-provisioner has another name in each installation: its volumes are those of NFS that any provisioner made. */
function provisionerOf({ metadata, spec }: z.infer<typeof someVolume>): OldVolume['provisioner'] | undefined {
  if (spec.csi?.driver === 'nfs.csi.k8s.io') return 'csi-driver-nfs';
  const isProvisioned = metadata.annotations?.['pv.kubernetes.io/provisioned-by'] !== undefined;
  return spec.nfs !== undefined && isProvisioned ? 'nfs-subdir' : undefined;
}

function readVolume(object: unknown): PersistentVolume {
  const volume = volumeSchema.safeParse(object);
  if (volume.success) return volume.data;
  const [issue] = volume.error.issues;
  throw new StowageError('invalid', `${issue?.path.join('.') ?? 'it'}: ${issue?.message ?? 'is malformed'}`);
}
