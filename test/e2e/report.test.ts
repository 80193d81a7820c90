import { expect, it } from '@jest/globals';
import { parseOptions } from './options.ts';
import { formatReport } from './report.ts';

it('shows what ran, what did not and why, and the sums', () => {
  const text = formatReport([
    { name: 'a volume', result: 'passed', seconds: 3.14, detail: 'pod ready after 2.0 s' },
    { name: 'another one', result: 'failed', seconds: 10, detail: 'it is gone\nat line 1' },
    { name: 'btrfs', result: 'not run', seconds: 0, detail: 'the kernel has no btrfs' },
  ]);
  expect(text.split('\n')).toEqual([
    'case         result   seconds  what was seen',
    'a volume     passed       3.1  pod ready after 2.0 s',
    'another one  failed      10.0  it is gone',
    'btrfs        not run        -  the kernel has no btrfs',
    '',
    '1 passed, 1 failed, 1 not run',
  ]);
});

it('takes the cluster and how to load images into it from the environment', () => {
  const env = { KUBECONFIG: '/k', STOWAGE_E2E_LOAD: 'load it', STOWAGE_E2E_BUILD: '--build-arg  A=b' };
  expect(parseOptions(['--only', 'clone'], env)).toMatchObject({
    kubeconfig: '/k',
    loadCommand: 'load it',
    buildArguments: ['--build-arg', 'A=b'],
    only: ['clone'],
  });
  expect(parseOptions([], { KUBECONFIG: '' })).toMatchObject({ kubeconfig: undefined, workers: 3 });
});

it('takes an NFS server from the environment, with all that it exports unless a share is named', () => {
  expect(parseOptions([], { STOWAGE_E2E_NFS_SERVER: '10.0.0.9' })).toMatchObject({
    nfs: { host: '10.0.0.9', share: '/', stopCommand: undefined, startCommand: undefined },
  });
  expect(parseOptions([], { STOWAGE_E2E_NFS_SHARE: '/export' })).toMatchObject({ nfs: undefined });
  const env = { STOWAGE_E2E_NFS_SERVER: 'nas', STOWAGE_E2E_NFS_SHARE: '/export', STOWAGE_E2E_NFS_STOP: 'stop it' };
  expect(parseOptions([], env)).toMatchObject({ nfs: { host: 'nas', share: '/export', stopCommand: 'stop it' } });
});

it('refuses options that it does not know', () => {
  expect(() => parseOptions(['--olny', 'clone'], {})).toThrow('--olny');
  expect(() => parseOptions(['--workers', '0'], {})).toThrow('--workers');
});
