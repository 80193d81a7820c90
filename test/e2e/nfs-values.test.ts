import { expect, it } from '@jest/globals';
import { nfsValues } from './nfs-values.ts';

const VALUES = { image: { tag: 'e2e' }, local: { pools: [], storageClasses: [] } };
const SERVER = { host: '10.0.0.9', share: '/export', stopCommand: undefined, startCommand: undefined };
const PLAN = {
  image: 'stowage:e2e',
  server: SERVER,
  servingAddress: '10.0.0.5',
  has: new Set(['quota', 'snapshots', 'groupSnapshots']),
};
const CLASS_OF_SHARE = expect.objectContaining({
  name: 'e2e-nfs',
  parameters: expect.objectContaining({ server: '10.0.0.9', share: '/export' }),
});

it('serves nothing in share mode', async () => {
  const values = await nfsValues(VALUES, 'share', PLAN);
  expect(values).toMatchObject({
    image: { tag: 'e2e' },
    local: { enabled: false },
    snapshots: { enabled: true, groups: false },
    nfs: { enabled: true, storageClasses: [CLASS_OF_SHARE] },
  });
  expect(values).not.toHaveProperty('nfs.managed');
});

it('keeps what the examples need in managed mode, and adds pools on the disks that the nodes have', async () => {
  const values = await nfsValues(VALUES, 'managed', PLAN);
  const named = (name: string) => expect.objectContaining({ name });
  expect(values).toMatchObject({
    snapshots: { enabled: true, groups: true },
    nfs: {
      managed: { enabled: true, server: '10.0.0.5', pools: [named('tank'), named('exported')] },
      storageClasses: [named('stowage-managed'), named('e2e-exported'), CLASS_OF_SHARE],
      snapshotClasses: [named('stowage-managed'), named('e2e-nfs')],
    },
  });
});

it('has no class of a server that is not named, and no groups where the cluster has none', async () => {
  const values = await nfsValues(VALUES, 'managed', { ...PLAN, server: undefined, has: new Set(['snapshots']) });
  expect(values).toMatchObject({
    snapshots: { groups: false },
    nfs: { storageClasses: [expect.objectContaining({ name: 'stowage-managed' })] },
  });
});
