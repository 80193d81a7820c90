import { describe, expect, it } from '@jest/globals';
import { hashOfShare, mountSource, parseShareSource } from '../../src/nfs/source.ts';
import { resolveSubDir } from '../../src/nfs/sub-dir.ts';

const invalid = (message: RegExp) =>
  expect.objectContaining({ code: 'invalid', message: expect.stringMatching(message) });
const METADATA = {
  'csi.storage.k8s.io/pvc/name': 'data',
  'csi.storage.k8s.io/pvc/namespace': 'shop',
  'csi.storage.k8s.io/pv/name': 'pvc-1',
};

/** Writes templates with % here, since the linter takes them for mistakes. */
function resolve(subDir: string, parameters: Readonly<Record<string, string>>): string {
  return resolveSubDir(subDir.replaceAll('%{', '${'), parameters);
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}

describe('a share', () => {
  it.each([
    ['10.0.0.5', '/srv', '10.0.0.5:/srv'],
    ['NFS.Example.org', '/', 'nfs.example.org:/'],
    ['nas_1', '//srv///data/', 'nas_1:/srv/data'],
    ['nas.', '/a:b', 'nas.:/a:b'],
    ['2001:DB8::0:1', '/srv', '[2001:db8::1]:/srv'],
    ['[2001:db8::1]', '/srv', '[2001:db8::1]:/srv'],
    ['fe80::1%eth0', '/srv', '[fe80::1%eth0]:/srv'],
    ['nas', '/données', 'nas:/données'],
  ])('%s %s is mounted as %s', (server, share, source) => {
    const parsed = parseShareSource(server, share);
    expect(mountSource(parsed)).toBe(source);
    expect(parseShareSource(parsed.server, parsed.share)).toEqual(parsed);
  });

  it('leads to a folder beneath it', () => {
    expect(mountSource(parseShareSource('nas', '/srv'), 'a/b')).toBe('nas:/srv/a/b');
    expect(mountSource(parseShareSource('nas', '/'), 'a')).toBe('nas:/a');
  });

  it('has one name, whatever way it is written', () => {
    expect(hashOfShare(parseShareSource('NAS', '/srv/'))).toBe(hashOfShare(parseShareSource('nas', '/srv')));
    expect(hashOfShare(parseShareSource('nas', '/srv'))).not.toBe(hashOfShare(parseShareSource('nas', '/srv2')));
    expect(hashOfShare(parseShareSource('nas', '/srv'))).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each([
    ['', /server is empty/],
    ['10.0.0.5 -o exec', /neither a host name nor an address/],
    ['-o', /neither/],
    ['nas,other', /neither/],
    ['nas\n', /neither/],
    ['nas\0', /neither/],
    ['10.0.5', /neither/],
    ['010.0.0.5', /neither/],
    ['nas..org', /neither/],
    ['..', /neither/],
    ['nas:2049', /no IPv6 address/],
    ['nas:/srv', /path in it/],
    ['nfs://nas/srv', /is a URL/],
    ['[::1', /no IPv6 address/],
    ['[10.0.0.5]', /neither|no IPv6/],
    ['fe80::1%eth0 -o x', /no IPv6 address/],
    ['fe80::1%', /no IPv6 address/],
    [`${'a'.repeat(64)}.org`, /neither/],
    ['a.'.repeat(130), /neither/],
  ])('is refused with the server %j', (server, message) => {
    expect(thrownBy(() => parseShareSource(server, '/srv'))).toEqual(invalid(message));
  });

  it.each([
    ['', /share is empty/],
    ['srv', /not absolute/],
    ['/srv/../etc', /"\.\."/],
    ['/srv/.', /"\."/],
    ['/srv -o exec', /white space/],
    ['/srv\t', /white space/],
    ['/srv\u0000', /control/],
    ['/srv\u00a0x', /white space/],
    ['/srv,exec', /comma/],
    [`/${'a'.repeat(256)}`, /more than 255 bytes/],
    ['/abc'.repeat(300), /longer than 1024 bytes/],
  ])('is refused with the path %j', (share, message) => {
    expect(thrownBy(() => parseShareSource('nas', share))).toEqual(invalid(message));
  });
});

describe('subDir', () => {
  it.each([
    ['data', 'data'],
    ['a//b/', 'a/b'],
    ['with space, and comma', 'with space, and comma'],
    ['%{pvc.metadata.namespace}/%{pvc.metadata.name}', 'shop/data'],
    ['v-%{pv.metadata.name}-%{pv.metadata.name}', 'v-pvc-1-pvc-1'],
    ['$HOME', '$HOME'],
    ['..data', '..data'],
  ])('%s names %s', (subDir, folder) => {
    expect(resolve(subDir, METADATA)).toBe(folder);
  });

  it.each([
    ['', /is empty/],
    ['.', /the share itself/],
    ['./', /the share itself/],
    ['/', /the share itself/],
    ['//', /the share itself/],
    ['/data', /absolute/],
    ['..', /"\.\."/],
    ['a/../b', /"\.\."/],
    ['./a', /"\."/],
    ['a\nb', /control/],
    ['a\0', /control/],
    ['.stowage', /Stowage's own/],
    ['.Stowage/volumes', /Stowage's own/],
    ['a/'.repeat(600), /longer than 1024/],
    ['%{pvc.metadata.labels}', /\$\{pvc\.metadata\.labels\} is unknown.*templates are/],
    ['%{pvc.metadata.nam}', /did you mean \$\{pvc\.metadata\.name\}/],
    ['%{constructor}', /unknown/],
    ['%{pvc.metadata.name', /not closed/],
  ])('%j is refused', (subDir, message) => {
    expect(thrownBy(() => resolve(subDir, METADATA))).toEqual(invalid(message));
  });

  it('needs what its templates name, and says which parameter is missing', () => {
    const missing = invalid(
      /\$\{pvc\.metadata\.name\} has no value.*csi\.storage\.k8s\.io\/pvc\/name is missing.*--extra-create-metadata/,
    );
    expect(thrownBy(() => resolve('%{pvc.metadata.name}', {}))).toEqual(missing);
    expect(thrownBy(() => resolve('%{pvc.metadata.name}', { 'csi.storage.k8s.io/pvc/name': '' }))).toEqual(missing);
  });

  it.each(['a/b', '..', '.', '../x'])('takes no value that is more than a name: %j', (name) => {
    const parameters = { 'csi.storage.k8s.io/pvc/name': name };
    expect(thrownBy(() => resolve('x/%{pvc.metadata.name}', parameters))).toEqual(invalid(/no name of a folder/));
  });

  it('puts a value in as it is, and once', () => {
    const name = `$\{pv.metadata.name}$&`;
    const parameters = { ...METADATA, 'csi.storage.k8s.io/pvc/name': name };
    expect(resolve('%{pvc.metadata.name}', parameters)).toBe(name);
  });
});
