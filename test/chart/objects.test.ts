import { expect, it } from '@jest/globals';
import { one, renderChart } from './support.ts';

it('the CSIDriver objects say what the drivers are', async () => {
  const objects = await renderChart('everything');
  expect(one(objects, 'CSIDriver', 'local.csi.stowage.dev').spec).toEqual({
    attachRequired: false,
    podInfoOnMount: true,
    volumeLifecycleModes: ['Persistent', 'Ephemeral'],
    fsGroupPolicy: 'File',
    storageCapacity: true,
    seLinuxMount: false,
    requiresRepublish: false,
  });
  expect(one(objects, 'CSIDriver', 'nfs.csi.stowage.dev').spec).toEqual({
    attachRequired: true,
    podInfoOnMount: false,
    volumeLifecycleModes: ['Persistent'],
    fsGroupPolicy: 'File',
    storageCapacity: false,
    seLinuxMount: false,
    requiresRepublish: false,
  });
});

it('StorageClasses have their pool, and what the values say', async () => {
  const objects = await renderChart('everything');
  expect(one(objects, 'StorageClass', 'fast')).toMatchObject({
    metadata: {
      annotations: { 'storageclass.kubernetes.io/is-default-class': 'true', 'example.org/owner': 'storage' },
    },
    provisioner: 'local.csi.stowage.dev',
    parameters: { pool: 'fast', 'csi.storage.k8s.io/fstype': 'xfs' },
    mountOptions: ['noatime'],
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Delete',
    allowVolumeExpansion: true,
  });
  expect(one(objects, 'StorageClass', 'fast-keep')).toMatchObject({ reclaimPolicy: 'Retain' });
  expect(one(objects, 'StorageClass', 'plain')).toMatchObject({
    volumeBindingMode: 'Immediate',
    parameters: { pool: 'plain', onDelete: 'archive' },
  });
  expect(one(objects, 'StorageClass', 'disks')).toMatchObject({ allowVolumeExpansion: false });
  expect(one(objects, 'StorageClass', 'stowage-nfs')).toMatchObject({
    provisioner: 'nfs.csi.stowage.dev',
    volumeBindingMode: 'Immediate',
    parameters: { server: 'nfs.example.org', share: '/export' },
  });
});

it('classes of snapshots, groups and attributes name their driver', async () => {
  const objects = await renderChart('everything');
  expect(one(objects, 'VolumeSnapshotClass', 'stowage-local-keep')).toMatchObject({
    apiVersion: 'snapshot.storage.k8s.io/v1',
    driver: 'local.csi.stowage.dev',
    deletionPolicy: 'Retain',
  });
  expect(one(objects, 'VolumeGroupSnapshotClass', 'stowage-managed')).toMatchObject({
    apiVersion: 'groupsnapshot.storage.k8s.io/v1',
    driver: 'nfs.csi.stowage.dev',
    metadata: { annotations: { 'groupsnapshot.storage.kubernetes.io/is-default-class': 'true' } },
  });
  expect(one(objects, 'VolumeAttributesClass', 'stowage-keep')).toMatchObject({
    apiVersion: 'storage.k8s.io/v1',
    driverName: 'nfs.csi.stowage.dev',
    parameters: { onDelete: 'retain' },
  });
});

it('objects of a namespace are in that of the release, and two releases do not meet', async () => {
  const cluster = /^(CSIDriver|.*Class|Cluster.*)$/;
  for (const object of await renderChart('everything')) {
    const { kind, metadata } = object;
    const id = `${kind} ${metadata.name}`;
    if (!cluster.test(kind)) expect({ id, namespace: metadata.namespace }).toEqual({ id, namespace: 'storage' });
    expect(metadata.labels).toMatchObject({
      'app.kubernetes.io/instance': 'stowage',
      'app.kubernetes.io/name': 'stowage',
    });
  }
});

it('the guard runs before an uninstall, the test when it is asked for', async () => {
  const objects = await renderChart('everything');
  const guard = one(objects, 'Job', 'stowage-uninstall-guard');
  expect(guard.metadata.annotations).toMatchObject({ 'helm.sh/hook': 'pre-delete' });
  expect(JSON.stringify(guard)).toContain('local.csi.stowage.dev,nfs.csi.stowage.dev');
  for (const name of ['stowage-test-fast', 'stowage-test-stowage-nfs']) {
    expect(one(objects, 'Pod', name).metadata.annotations).toMatchObject({ 'helm.sh/hook': 'test' });
  }
});

it('the policy lets in who may read metrics, and out to the API server', async () => {
  expect(one(await renderChart('everything'), 'NetworkPolicy', 'stowage-local').spec).toMatchObject({
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ ports: [9811, 9813, 9814, 9815].map((port) => ({ protocol: 'TCP', port })), from: [{}] }],
    egress: [{ ports: [443, 6443].map((port) => ({ protocol: 'TCP', port })) }],
  });
  const closed = await renderChart('default', { networkPolicy: { enabled: true } });
  expect(one(closed, 'NetworkPolicy', 'stowage-local').spec).toMatchObject({ ingress: [] });
});
