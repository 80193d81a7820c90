import { describe, expect, it } from '@jest/globals';
import { readMount } from '../../src/volumes/nfs/place.ts';
import { isStaticNfs } from '../../src/volumes/nfs/static.ts';

const ATTRIBUTES = { server: 'nfs-server.default.svc.cluster.local', share: '/' };

const mounted = (volumeContext: Readonly<Record<string, string>>, mountFlags: readonly string[] = []) =>
  readMount({
    volumeId: 'static',
    volumeContext,
    capability: { access: { type: 'mount', fsType: undefined, mountFlags }, mode: 'MULTI_NODE_MULTI_WRITER' },
  });

describe('a PersistentVolume written for csi-driver-nfs', () => {
  it.each([
    'nfs-server.default.svc.cluster.local/share##',
    'nas#srv#data##',
    'nas#srv#team/data#pvc-1#retain',
    'nas/srv/pvc-1',
    'unique-volumeid',
    `nas#${'long/'.repeat(100)}##`,
  ])('may have the handle %s', (volumeId) => {
    expect(isStaticNfs({ volumeId, volumeContext: ATTRIBUTES })).toBe(true);
  });

  it.each([
    [{}, ':/'],
    [{ share: '/srv/' }, ':/srv'],
    [{ share: '/srv', subDir: 'team/data' }, ':/srv/team/data'],
    [{ share: '/srv', SubDir: '' }, ':/srv'],
    [
      {
        subDir: `\${pvc.metadata.namespace}-\${pv.metadata.name}`,
        'csi.storage.k8s.io/pvc/namespace': 'team',
        'csi.storage.k8s.io/pv/name': 'pv-1',
      },
      ':/team-pv-1',
    ],
    [{ onDelete: 'retain', 'storage.kubernetes.io/csiProvisionerIdentity': 'x' }, ':/'],
  ])('with %j is mounted from %s', (more, path) => {
    expect(mounted({ ...ATTRIBUTES, ...more }).place.source).toBe(`${ATTRIBUTES.server}${path}`);
  });

  it('may have keys in any case', () => {
    expect(mounted({ SERVER: 'nas', Share: '/srv', SUBDIR: 'a' }).place.source).toBe('nas:/srv/a');
  });

  it('is mounted with its own options', () => {
    const { options } = mounted({ ...ATTRIBUTES, mountOptions: 'nfsvers=4.1,sec=sys' }, ['hard']);
    expect(options).toEqual(['hard', 'nfsvers=4.1', 'sec=sys']);
    expect(() => mounted({ ...ATTRIBUTES, mountOptions: 'remount' })).toThrow('not allowed');
  });

  it.each([
    ['0', undefined],
    ['0777', '0777'],
    ['02775', '02775'],
  ])('with mountPermissions %s has the mode %s', (mountPermissions, mode) => {
    expect(mounted({ ...ATTRIBUTES, mountPermissions }).place.mode).toBe(mode);
  });

  it.each([
    [{ share: '' }, 'share is empty'],
    [{ subDir: '../x' }, '".."'],
    [{ subDir: `\${pvc.metadata.name}` }, 'has no value'],
    [{ mountPermissions: 'rwx' }, 'octal'],
  ])('is refused with %j', (more, message) => {
    expect(() => mounted({ ...ATTRIBUTES, ...more })).toThrow(message);
  });
});
