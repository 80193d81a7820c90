const IMAGE = 'busybox:1.37';

export interface ClaimWishes {
  readonly storageClass: string;
  readonly size?: string;
  /** A VolumeSnapshot to begin with. */
  readonly snapshot?: string;
}

/** A PersistentVolumeClaim, of 1 GiB unless said otherwise. */
export function claim(name: string, { storageClass, size = '1Gi', snapshot }: ClaimWishes): object {
  const source = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: snapshot };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: {
      storageClassName: storageClass,
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: size } },
      ...(snapshot === undefined ? {} : { dataSource: source }),
    },
  };
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
          image: IMAGE,
          command: ['sh', '-c', script],
          volumeMounts: claims.map((_, index) => ({ name: `data-${index}`, mountPath: `/data${index || ''}` })),
        },
      ],
      volumes: claims.map((claimName, index) => ({ name: `data-${index}`, persistentVolumeClaim: { claimName } })),
    },
  };
}

export function snapshotOf(name: string, claimName: string): object {
  return {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name },
    spec: { volumeSnapshotClassName: 'stowage-local', source: { persistentVolumeClaimName: claimName } },
  };
}
