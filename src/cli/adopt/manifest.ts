import type { PersistentVolume } from './kubernetes.ts';

/** What a PersistentVolume of ours says that its old one did not. */
export interface Handed {
  readonly driver: string;
  readonly id: string;
  readonly context: Readonly<Record<string, string>>;
  readonly mountOptions: readonly string[];
}

/**
 * The PersistentVolume that takes the old one's place: it binds to a claim of the old one's name, which may be a new claim. Nothing is deleted with it (Retain) until someone says so.
 */
export function newVolume({ metadata, spec }: PersistentVolume, { driver, id, context, mountOptions }: Handed) {
  const { claimRef, storageClassName } = spec;
  const isReadOnly = spec.csi?.readOnly === true || spec.nfs?.readOnly === true;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: metadata.name,
      ...(metadata.labels === undefined ? {} : { labels: metadata.labels }),
      // By this the external-provisioner knows that deleting it is for this driver.
      annotations: { 'pv.kubernetes.io/provisioned-by': driver },
    },
    spec: {
      capacity: { storage: spec.capacity.storage },
      accessModes: spec.accessModes,
      volumeMode: 'Filesystem',
      persistentVolumeReclaimPolicy: 'Retain',
      ...(storageClassName === undefined ? {} : { storageClassName }),
      ...(mountOptions.length === 0 ? {} : { mountOptions }),
      ...(claimRef === undefined
        ? {}
        : {
            claimRef: {
              apiVersion: 'v1',
              kind: 'PersistentVolumeClaim',
              namespace: claimRef.namespace,
              name: claimRef.name,
            },
          }),
      csi: { driver, volumeHandle: id, ...(isReadOnly ? { readOnly: true } : {}), volumeAttributes: context },
    },
  };
}
