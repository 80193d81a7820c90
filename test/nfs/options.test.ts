import { describe, expect, it } from '@jest/globals';
import { controllerOptions, parseMountOptions, reachingOptions } from '../../src/nfs/options.ts';

const parse = (...entries: string[]) => parseMountOptions(entries, 'mountOptions');

describe('mount options', () => {
  it.each<[string[], string[]]>([
    [[], []],
    [[''], []],
    [
      ['nfsvers=4.2', 'hard'],
      ['nfsvers=4.2', 'hard'],
    ],
    [
      ['nfsvers=4.1,hard', 'ro'],
      ['nfsvers=4.1', 'hard', 'ro'],
    ],
    [['defaults', 'bg', 'retry=5', '_netdev', 'nofail', 'x-systemd.automount', 'noatime'], ['noatime']],
    [['context="system_u:object_r:nfs_t:s0:c1,c2",hard'], ['context="system_u:object_r:nfs_t:s0:c1,c2"', 'hard']],
    [
      ['sec=krb5p', 'xprtsec=tls'],
      ['sec=krb5p', 'xprtsec=tls'],
    ],
  ])('%j are %j', (entries, options) => {
    expect(parse(...entries)).toEqual(options);
  });

  it.each([
    ['hard, soft'],
    ['ro\n'],
    ['ro\0'],
    ['-o'],
    ['=4'],
    ['vers='],
    ['sec="krb5"'],
    ['context="a b"'],
    ['context="a'],
    ['fscontext="a"b'],
    ['remount'],
    ['bind'],
    ['addr=10.0.0.6'],
    ['mountaddr=10.0.0.6'],
    ['vers=5'],
    ['nfsvers=2'],
    ['port=http'],
    ['port=65536'],
    ['proto=sctp'],
  ])('%j is refused, and named', (entry) => {
    expect(() => parse('hard', entry)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });

  it('are of a bounded number and length', () => {
    expect(() => parse(...Array.from({ length: 65 }, (_, index) => `a${index}`))).toThrow(/more than 64/);
    expect(() => parse(`a=${'b'.repeat(5000)}`)).toThrow(/more than 4096/);
  });
});

describe('the options that concern reaching the server', () => {
  it.each<[string[], string[]]>([
    [['hard', 'noatime', 'rsize=65536', 'ro'], []],
    [['nfsvers=4.2'], ['vers=4.2']],
    [['v4.2'], ['vers=4.2']],
    [['vers=4', 'minorversion=1'], ['vers=4.1']],
    [['minorversion=2', 'vers=4'], ['vers=4.2']],
    [['minorversion=2', 'vers=3'], ['vers=3']],
    [['vers=4.2', 'nfsvers=3'], ['vers=3']],
    [
      ['tcp', 'sec=krb5p', 'port=2050'],
      ['port=2050', 'proto=tcp', 'sec=krb5p'],
    ],
    [['resvport', 'noresvport'], ['noresvport']],
    [
      ['xprtsec=mtls', 'mountport=1', 'mountproto=tcp', 'mounthost=nas', 'mountvers=3'],
      ['mounthost=nas', 'mountport=1', 'mountproto=tcp', 'mountvers=3', 'xprtsec=mtls'],
    ],
  ])('of %j are %j', (options, reaching) => {
    expect(reachingOptions(options)).toEqual(reaching);
    expect(reachingOptions(reaching)).toEqual(reaching);
  });

  it("are the controller's, with which it does not wait for good", () => {
    expect(controllerOptions(['vers=3', 'hard', 'exec'])).toEqual([
      'vers=3',
      'softerr',
      'timeo=50',
      'retrans=2',
      'nolock',
      'nosuid',
      'nodev',
      'noexec',
    ]);
  });
});
