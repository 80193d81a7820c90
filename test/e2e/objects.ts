const IMAGE = 'busybox:1.37';

export interface ClaimWishes {
  readonly storageClass: string;
  readonly size?: string;
  /** A VolumeSnapshot to begin with. */
  readonly snapshot?: string;
  /** Another claim to begin with. */
  readonly clone?: string;
  readonly accessMode?: string;
}

/** A PersistentVolumeClaim, of 1 GiB unless said otherwise. */
export function claim(name: string, wishes: ClaimWishes): object {
  const { storageClass, size = '1Gi', snapshot, clone, accessMode = 'ReadWriteOnce' } = wishes;
  const ofSnapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: snapshot };
  const ofClaim = { kind: 'PersistentVolumeClaim', name: clone };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: {
      storageClassName: storageClass,
      accessModes: [accessMode],
      resources: { requests: { storage: size } },
      ...(snapshot === undefined ? {} : { dataSource: ofSnapshot }),
      ...(clone === undefined ? {} : { dataSource: ofClaim }),
    },
  };
}

/** @param fields what it says besides its provisioner */
export function storageClass(name: string, provisioner: string, fields: object): object {
  return { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name }, provisioner, ...fields };
}

/** A volume made known by hand. */
export function persistentVolume(name: string, spec: object, annotations: object = {}): object {
  return { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name, annotations }, spec };
}

/** A pod that has the claim of its own name at /data; on the node named, where there is one. */
export function podWith(name: string, script = 'sleep infinity', node?: string): object {
  return podWithClaims(name, [name], script, node);
}

/** A pod that has claims at /data, /data1, /data2 and so on. */
export function podWithClaims(
  name: string,
  claims: readonly string[],
  script = 'sleep infinity',
  node?: string,
  image = IMAGE,
): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 1,
      restartPolicy: 'Never',
      ...(node === undefined ? {} : { nodeSelector: { 'kubernetes.io/hostname': node } }),
      containers: [
        {
          name: 'main',
          image,
          command: ['sh', '-c', script],
          volumeMounts: claims.map((_, index) => ({ name: `data-${index}`, mountPath: `/data${index || ''}` })),
        },
      ],
      volumes: claims.map((claimName, index) => ({ name: `data-${index}`, persistentVolumeClaim: { claimName } })),
    },
  };
}

export function snapshotOf(name: string, claimName: string, snapshotClass = 'stowage-local'): object {
  return {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name },
    spec: { volumeSnapshotClassName: snapshotClass, source: { persistentVolumeClaimName: claimName } },
  };
}
