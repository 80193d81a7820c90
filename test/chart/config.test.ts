import { expect, it } from '@jest/globals';
import { createBackend } from '../../src/backends/registry.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { createHost } from '../../src/host/system.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { type KubernetesObject, one, podsOf, renderChart, VALUE_SETS } from './support.ts';

/** What the driver makes of its ConfigMap. */
function configOf(objects: readonly KubernetesObject[], name: string, key: string): Config {
  return parseConfig(one(objects, 'ConfigMap', name).data?.[key] ?? '', key);
}

function sidecarsOf(objects: readonly KubernetesObject[]): string[] {
  return podsOf(one(objects, 'DaemonSet', 'stowage-local')).containers.map(({ name }) => name);
}

it.each(['default', ...VALUE_SETS] as const)('the driver accepts the configs of values %s', async (set) => {
  const objects = await renderChart(set);
  const configs = objects.filter(({ kind, data }) => kind === 'ConfigMap' && data !== undefined);
  const texts = configs.flatMap(({ data }) => Object.entries(data ?? {}).filter(([key]) => key.endsWith('.yaml')));
  expect(texts.length).toBeGreaterThan(0);
  for (const [key, text] of texts) parseConfig(text, key);
});

it('the local driver serves what sidecars can route to a node, and nothing else', async () => {
  const config = configOf(await renderChart('everything'), 'stowage-local', 'config.yaml');
  expect(config).toMatchObject({
    driver: 'local',
    controllerExpansion: false,
    controllerModify: false,
    groupController: false,
    maxVolumesPerNode: 100,
    hostPaths: ['/srv/shared', '/dev/disk/by-id/wwn-0x5000c500a1b2c3d4'],
    metricsAddress: '0.0.0.0:9811',
    logLevel: 'debug',
  });
});

it('sizes and modes come through Helm as they were written', async () => {
  const { pools } = configOf(await renderChart('everything'), 'stowage-local', 'config.yaml');
  expect(pools.find(({ name }) => name === 'ram')).toMatchObject({ size: 8_589_934_592 });
  expect(pools.find(({ name }) => name === 'fast')).toMatchObject({ maxVolumeBytes: 20 * 1024 ** 3, overcommit: 1.5 });
  expect(pools.find(({ name }) => name === 'plain')).toMatchObject({ folderMode: 0o770, inodesPerGiB: 100_000 });
});

it('the NFS controller has the managed pools, its nodes have none', async () => {
  const objects = await renderChart('nfs-managed');
  expect(configOf(objects, 'stowage-nfs', 'controller.yaml')).toMatchObject({
    role: 'controller',
    managed: { server: '10.0.0.5', leaseSeconds: 90 },
    groupController: true,
    controllerModify: true,
  });
  const node = configOf(objects, 'stowage-nfs', 'node.yaml');
  expect(node).toMatchObject({ role: 'node', pools: [] });
  expect(node).not.toHaveProperty('managed');
});

// The snapshotter ends where the driver says that nothing can have snapshots, the resizer where nothing can grow.
it.each([
  [{ name: 'a', backend: 'image', path: '/mnt/a' }],
  [{ name: 'a', backend: 'directory', path: '/mnt/a' }],
  [{ name: 'a', backend: 'btrfs', path: '/mnt/a' }],
  [{ name: 'a', backend: 'lvm', volumeGroup: 'data' }],
  [{ name: 'a', backend: 'lvm', volumeGroup: 'data', thinPool: 'thin' }],
  [{ name: 'a', backend: 'disk', discovery: '/mnt/disks' }],
  [{ name: 'a', backend: 'memory', size: '1Gi' }],
])('beside the pool %j run the sidecars that it can use', async (pool) => {
  const objects = await renderChart('default', { local: { pools: [pool], storageClasses: [] } });
  const [config] = configOf(objects, 'stowage-local', 'config.yaml').pools;
  if (config === undefined) throw new Error('no pool');
  const { snapshots, expansion } = createBackend(config, {
    host: createHost('/run/stowage'),
    log: createLog('silent'),
  }).features;
  expect(sidecarsOf(objects).includes('snapshotter')).toBe(snapshots !== 'none');
  expect(sidecarsOf(objects).includes('resizer')).toBe(expansion !== 'none');
});

it('what is switched off is not there', async () => {
  const objects = await renderChart('everything', {
    snapshots: { enabled: false },
    nfs: { enabled: false },
    metrics: { enabled: false },
    networkPolicy: { enabled: false },
    uninstallGuard: { enabled: false },
    test: { storageClasses: [] },
  });
  expect(JSON.stringify(objects)).not.toContain('nfs.csi.stowage.dev');
  expect(sidecarsOf(objects)).not.toContain('snapshotter');
  const kinds = new Set(objects.map(({ kind }) => kind));
  for (const kind of ['VolumeSnapshotClass', 'PodMonitor', 'NetworkPolicy', 'Job']) expect(kinds.has(kind)).toBe(false);
});
