import { describe, expect, it } from '@jest/globals';
import { shareParameters } from '../../src/csi/validate/share-parameters.ts';
import type { Capability } from '../../src/volumes/requests.ts';

const capability: Capability = {
  access: { type: 'mount', fsType: undefined, mountFlags: ['vers=4.1', 'noatime'] },
  mode: 'MULTI_NODE_MULTI_WRITER',
};
const extras = { capabilities: [capability], secrets: {} };
const read = (parameters: Record<string, string>, secrets: Record<string, string> = {}) =>
  shareParameters('parameters', parameters, { capabilities: [capability], secrets });

const template = (name: string) => `\${${name}}`;
const SHARE = { server: 'nas', share: '/srv' };

describe('the parameters of a StorageClass for a share', () => {
  it('are those of csi-driver-nfs', () => {
    const parameters = {
      ...SHARE,
      subDir: `${template('pvc.metadata.namespace')}/${template('pvc.metadata.name')}`,
      mountPermissions: '0750',
      uid: '1000',
      gid: '2000',
      onDelete: 'archive',
      'csi.storage.k8s.io/pvc/name': 'data',
      'csi.storage.k8s.io/pvc/namespace': 'team',
    };
    expect(read(parameters)).toEqual({
      onDelete: 'archive',
      share: {
        source: SHARE,
        options: ['vers=4.1', 'noatime'],
        subDir: 'team/data',
        mode: 0o750,
        uid: 1000,
        gid: 2000,
      },
    });
  });

  it('may be written in any case, but not twice', () => {
    expect(read({ SERVER: 'nas', Share: '/srv', subdir: 'a', ONDELETE: 'retain' })).toMatchObject({
      onDelete: 'retain',
      share: { source: SHARE, subDir: 'a' },
    });
    expect(() => read({ ...SHARE, Server: 'other' })).toThrow('server twice');
  });

  it.each([
    ['Retain', 'retain'],
    ['ARCHIVE', 'archive'],
  ])('may say %s of onDelete', (onDelete, expected) => {
    expect(read({ ...SHARE, onDelete })).toMatchObject({ onDelete: expected });
  });

  it.each([
    ['0', undefined],
    ['0000', undefined],
    ['777', 0o777],
    ['02770', 0o2770],
  ])('may say mountPermissions %s', (mountPermissions, mode) => {
    expect(read({ ...SHARE, mountPermissions }).share?.mode).toBe(mode);
  });

  it('leave the mode and the folder as they are where they are empty', () => {
    expect(read({ ...SHARE, subDir: '', mountPermissions: '0', uid: '' }).share).toMatchObject({
      subDir: undefined,
      mode: undefined,
      uid: undefined,
    });
  });

  it('take mount options of the secret, too', () => {
    expect(read(SHARE, { mountOptions: 'sec=krb5p,vers=4.2' }).share?.options).toEqual([
      'vers=4.1',
      'noatime',
      'sec=krb5p',
      'vers=4.2',
    ]);
  });

  it.each([
    [{ subDir: 'a' }, 'neither server nor share'],
    [{ server: 'nas' }, 'share is empty'],
    [{ share: '/srv' }, 'server is empty'],
    [{ ...SHARE, pool: 'fast' }, 'pool and server'],
    [{ ...SHARE, subDir: '../x' }, '".."'],
    [{ ...SHARE, subDir: template('pvc.metadata.name') }, '--extra-create-metadata'],
    [{ ...SHARE, mountPermissions: '0888' }, 'octal'],
    [{ ...SHARE, mountPermissions: '17777' }, 'octal'],
    [{ ...SHARE, uid: '-1' }, 'must be a number'],
    [{ ...SHARE, gid: '4294967295' }, 'must be a number'],
    [{ ...SHARE, onDelete: 'keep' }, 'must be delete, retain, archive'],
  ])('refuse %j', (parameters, message) => {
    expect(() => shareParameters('parameters', parameters, extras)).toThrow(message);
  });
});
