import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { services } from '../../src/csi/services.ts';
import type { ServiceFeatures } from '../../src/volumes/service.ts';
import { type Serving, serving } from './support/serving.ts';
import { ALL_FEATURES } from './support/volumes.ts';

let at: Serving;
beforeEach(async () => {
  at = await serving();
});
afterEach(() => at.end());

const all = ALL_FEATURES;
const none: ServiceFeatures = {
  parameters: 'pools',
  controllerExpansion: false,
  modify: false,
  groupSnapshots: false,
  snapshots: false,
  clones: false,
  expansion: false,
};
const volume = { volumeId: 'v1.volume' };
const capability = { accessMode: { mode: 'SINGLE_NODE_WRITER' }, block: {} } as const;

it('says who it is', async () => {
  await at.start();
  expect(await at.connect().call(services.identity.GetPluginInfo, {})).toEqual({
    name: 'local.csi.stowage.dev',
    vendorVersion: '1.2.3',
    manifest: {},
  });
});

it.each([
  [all, ['CONTROLLER_SERVICE', 'VOLUME_ACCESSIBILITY_CONSTRAINTS', 'GROUP_CONTROLLER_SERVICE', 'ONLINE']],
  [none, ['CONTROLLER_SERVICE', 'VOLUME_ACCESSIBILITY_CONSTRAINTS']],
])('advertises the services of %j', async (features, expected) => {
  await at.start({ features });
  const { capabilities } = await at.connect().call(services.identity.GetPluginCapabilities, {});
  expect(capabilities.map((one) => one.service?.type ?? one.volumeExpansion?.type)).toEqual(expected);
});

it.each([
  [all, true],
  [none, false],
])('advertises the RPCs of %j', async (features, expected) => {
  await at.start({ features });
  const { capabilities } = await at.connect().call(services.controller.ControllerGetCapabilities, {});
  const types = capabilities.map(({ rpc }) => rpc?.type);
  expect(types.includes('EXPAND_VOLUME')).toBe(expected);
  expect(types.includes('MODIFY_VOLUME')).toBe(expected);
  expect(types.includes('CREATE_DELETE_SNAPSHOT')).toBe(expected);
  expect(types.includes('CLONE_VOLUME')).toBe(expected);
  expect(types.length).toBe(expected ? 15 : 9);
  const node = await at.connect().call(services.node.NodeGetCapabilities, {});
  expect(node.capabilities.map(({ rpc }) => rpc?.type)).toEqual([
    'STAGE_UNSTAGE_VOLUME',
    'GET_VOLUME_STATS',
    'VOLUME_CONDITION',
    'SINGLE_NODE_MULTI_WRITER',
    ...(expected ? ['EXPAND_VOLUME'] : []),
  ]);
});

it('probes as not ready while it recovers, and as an error where it is unhealthy', async () => {
  let readiness: { ready: boolean; problem?: string } = { ready: false };
  await at.start({ ready: () => readiness });
  const client = at.connect();
  expect(await client.call(services.identity.Probe, {})).toEqual({ ready: { value: false } });
  readiness = { ready: false, problem: 'pool fast is not mounted' };
  await expect(client.call(services.identity.Probe, {})).rejects.toMatchObject({
    code: status.FAILED_PRECONDITION,
    details: 'pool fast is not mounted',
  });
});

it('answers volumes with all that the domain says', async () => {
  await at.start();
  const client = at.connect();
  const message = {
    capacityBytes: '4096',
    volumeId: 'v1.volume',
    volumeContext: { pool: 'fast' },
    contentSource: { snapshot: { snapshotId: 'v1.snapshot' }, type: 'snapshot' },
    accessibleTopology: [{ segments: { 'topology.local.csi.stowage.dev/node': 'node-1' } }],
  };
  const statusMessage = { publishedNodeIds: ['node-1'], volumeCondition: { abnormal: false, message: 'all is well' } };
  const created = await client.call(services.controller.CreateVolume, {
    name: 'pvc-1',
    volumeCapabilities: [capability],
  });
  expect(created).toEqual({ volume: message });
  expect(await client.call(services.controller.ListVolumes, {})).toEqual({
    entries: [{ volume: message, status: statusMessage }],
    nextToken: 'next',
  });
  expect(await client.call(services.controller.ControllerGetVolume, volume)).toEqual({
    volume: message,
    status: statusMessage,
  });
});

it('answers snapshots and groups with all that the domain says', async () => {
  await at.start();
  const client = at.connect();
  const snapshot = {
    sizeBytes: '4096',
    snapshotId: 'v1.snapshot',
    sourceVolumeId: 'v1.volume',
    creationTime: { seconds: '1795248000', nanos: 250_000_000 },
    readyToUse: true,
    groupSnapshotId: '',
  };
  expect(await client.call(services.controller.GetSnapshot, { snapshotId: 'v1.snapshot' })).toEqual({ snapshot });
  expect(await client.call(services.controller.ListSnapshots, {})).toEqual({ entries: [{ snapshot }], nextToken: '' });
  const request = { name: 'group', sourceVolumeIds: ['v1.volume'] };
  expect(await client.call(services.groupController.CreateVolumeGroupSnapshot, request)).toEqual({
    groupSnapshot: {
      groupSnapshotId: 'v1.group',
      snapshots: [snapshot],
      creationTime: snapshot.creationTime,
      readyToUse: true,
    },
  });
});

it('confirms what it was asked, or says why not', async () => {
  const answers = [{ confirmed: true } as const, { confirmed: false, reason: 'it is no block volume' } as const];
  await at.start({ validateVolume: async () => answers.shift() ?? { confirmed: true } });
  const client = at.connect();
  const request = { ...volume, volumeCapabilities: [capability], parameters: { pool: 'fast' } };
  const validate = services.controller.ValidateVolumeCapabilities;
  expect(await client.call(validate, request)).toMatchObject({
    confirmed: { volumeCapabilities: [capability], parameters: { pool: 'fast' } },
    message: '',
  });
  expect(await client.call(validate, request)).toEqual({ confirmed: null, message: 'it is no block volume' });
});

it('answers capacity, stats and node info', async () => {
  await at.start();
  const client = at.connect();
  expect(await client.call(services.controller.GetCapacity, {})).toEqual({
    availableCapacity: '1024',
    maximumVolumeSize: null,
    minimumVolumeSize: { value: '512' },
  });
  expect(await client.call(services.node.NodeGetVolumeStats, { ...volume, volumePath: '/mnt/target' })).toEqual({
    usage: [
      { available: '60', total: '100', used: '40', unit: 'BYTES' },
      { available: '6', total: '10', used: '4', unit: 'INODES' },
    ],
    volumeCondition: { abnormal: false, message: 'all is well' },
  });
  expect(await client.call(services.node.NodeGetInfo, {})).toEqual({
    nodeId: 'node-1',
    maxVolumesPerNode: '30',
    accessibleTopology: { segments: { 'topology.local.csi.stowage.dev/node': 'node-1' } },
  });
});
