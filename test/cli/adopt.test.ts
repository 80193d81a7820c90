import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { COMMANDS } from '../../src/cli/admin-commands.ts';
import { ADOPT_PATH } from '../../src/cli/admin-protocol.ts';
import { readObjects } from '../../src/cli/adopt/kubernetes.ts';
import { newVolume } from '../../src/cli/adopt/manifest.ts';
import { parseQuantity } from '../../src/cli/adopt/quantity.ts';
import { type Choices, readWishes } from '../../src/cli/adopt/wishes.ts';
import { isStowageError } from '../../src/errors.ts';

type Json = Readonly<Record<string, unknown>>;
const NAME = 'pvc-4bcbf944-b6f7-4bd0-b50f-3c3dd00efc64';
const NO_CHOICES: Choices = { shares: [], onDelete: undefined };

function volume(spec: Json, metadata: Json = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: NAME,
      uid: 'b6f7',
      resourceVersion: '7',
      finalizers: ['kubernetes.io/pv-protection'],
      ...metadata,
    },
    spec: {
      capacity: { storage: '10Gi' },
      accessModes: ['ReadWriteMany'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: 'nfs',
      mountOptions: ['nfsvers=4.1'],
      claimRef: { kind: 'PersistentVolumeClaim', namespace: 'team', name: 'data', uid: '17', resourceVersion: '3' },
      ...spec,
    },
    status: { phase: 'Bound' },
  };
}

const csi = (volumeAttributes: Json, volumeHandle = 'static', spec: Json = {}) =>
  volume({ csi: { driver: 'nfs.csi.k8s.io', volumeHandle, volumeAttributes }, ...spec });
const provisioned = { 'storage.kubernetes.io/csiProvisionerIdentity': '1700-nfs.csi.k8s.io' };
const byProvisioner = {
  annotations: { 'pv.kubernetes.io/provisioned-by': 'cluster.local/nfs-subdir-external-provisioner' },
};
const nfs = (path: string, spec: Json = {}) => volume({ nfs: { server: 'nas', path }, ...spec }, byProvisioner);
const list = (...items: readonly Json[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const read = (items: readonly Json[], choices = NO_CHOICES) => readWishes(readObjects(list(...items)), choices);

function wish(item: Json, choices = NO_CHOICES, ...others: readonly Json[]) {
  const { candidates, refused } = read([item, ...others], choices);
  expect(refused).toEqual([]);
  return candidates[0]?.wish;
}

function refusal(item: Json): string {
  const { candidates, refused } = read([item]);
  expect(candidates).toEqual([]);
  expect(refused[0]?.name).toBe(NAME);
  return refused[0]?.message ?? '';
}

describe('a quantity', () => {
  it.each([
    ['10Gi', 10 * 2 ** 30],
    ['107374182400', 107_374_182_400],
    ['1.5T', 1.5e12],
    ['2Pi', 2 ** 51],
    ['1e9', 1e9],
    ['2E6', 2e6],
    ['1E', undefined],
    ['1500m', 2],
    ['0', 0],
    ['8Ei', undefined],
    ['ten', undefined],
    ['-1Gi', undefined],
    ['1Gi ', undefined],
    ['1e400', undefined],
  ])('%s is %s bytes', (text, bytes) => {
    expect(parseQuantity(text)).toBe(bytes);
  });
});

describe('a volume of csi-driver-nfs', () => {
  const attributes = { server: 'nas', share: '/srv', subDir: NAME, ...provisioned };

  it('lies where its attributes say', () => {
    expect(wish(csi(attributes, `nas#srv#${NAME}##`))).toEqual({
      name: NAME,
      server: 'nas',
      share: '/srv',
      subDir: NAME,
      options: ['nfsvers=4.1'],
      sizeBytes: 10 * 2 ** 30,
      onDelete: 'delete',
    });
  });

  it.each([
    ['keys in another case', { SERVER: 'nas', Share: '/srv', subdir: 'a' }, 'x', { share: '/srv', subDir: 'a' }],
    [
      'a template',
      { server: 'nas', share: '/', subDir: `t-\${pv.metadata.name}`, 'csi.storage.k8s.io/pv/name': 'p' },
      'x',
      { share: '/', subDir: 't-p' },
    ],
    ['a slash too many', { server: 'nas', share: '/srv', subDir: '/team/a' }, 'x', { subDir: 'team/a' }],
    [
      'the folder as its share',
      { server: 'nas', share: '/srv/a/pvc-1' },
      'nas#srv/a#pvc-1#',
      { share: '/srv/a', subDir: 'pvc-1' },
    ],
    [
      'an old handle',
      { server: 'nas', share: '/srv/a/pvc-1' },
      'nas/srv/a/pvc-1',
      { share: '/srv/a', subDir: 'pvc-1' },
    ],
    [
      'mount options of its own',
      { server: 'nas', share: '/', subDir: 'a', mountOptions: 'hard,sec=sys' },
      'x',
      { options: ['nfsvers=4.1', 'hard', 'sec=sys'] },
    ],
  ])('may have %s', (_what, volumeAttributes, handle, expected) => {
    expect(wish(csi(volumeAttributes, handle))).toMatchObject(expected);
  });

  it.each([
    [`nas#srv#${NAME}##`, {}, 'delete'],
    [`nas#srv#${NAME}##Archive`, {}, 'archive'],
    ['x', { onDelete: 'retain' }, 'retain'],
    ['nas#srv#a#b#c#archive', {}, 'delete'], // which of the parts is which cannot be told
  ])('with handle %s and %j is deleted by %s', (handle, more, onDelete) => {
    expect(wish(csi({ ...attributes, ...more }, handle))).toMatchObject({ onDelete });
  });

  it('that was written by hand is kept, unless the command says otherwise', () => {
    const item = csi({ server: 'nas', share: '/srv', subDir: 'a' });
    expect(wish(item)).toMatchObject({ onDelete: 'retain' });
    expect(wish(item, { ...NO_CHOICES, onDelete: 'archive' })).toMatchObject({ onDelete: 'archive' });
  });

  it.each([
    ['is a whole share', csi({ server: 'nas', share: '/' }, 'nas/share##'), 'the whole share nas:/'],
    ['is not of its handle', csi({ server: 'nas', share: '/srv' }, 'nas#other#pvc-1##'), 'the whole share'],
    [
      'may be removed by its old driver',
      csi(attributes, 'x', { persistentVolumeReclaimPolicy: 'Delete' }),
      'to Retain',
    ],
    ['has no size', csi(attributes, 'x', { capacity: { storage: 'much' } }), 'capacity.storage "much"'],
    ['has mount options that are none', csi(attributes, 'x', { mountOptions: ['a b'] }), 'no mount option'],
    ['has a template without a value', csi({ ...attributes, subDir: `\${pvc.metadata.name}` }), 'has no value'],
    ['leads out', csi({ ...attributes, subDir: '../x' }), '".."'],
    ['has no access modes', csi(attributes, 'x', { accessModes: [] }), 'accessModes'],
  ])('that %s is refused by name', (_what, item, message) => {
    expect(refusal(item)).toContain(message);
  });
});

describe('a volume of nfs-subdir-external-provisioner', () => {
  const path = `/exports/k8s/team-data-${NAME}`;
  const storageClass = (parameters: Json) => ({ kind: 'StorageClass', metadata: { name: 'nfs' }, parameters });

  it('lies in its share under the name that it was given', () => {
    expect(wish(nfs(path))).toMatchObject({ server: 'nas', share: '/exports/k8s', subDir: `team-data-${NAME}` });
    expect(wish(nfs(`/team-data-${NAME}`))).toMatchObject({ share: '/', subDir: `team-data-${NAME}` });
  });

  it('lies where its pattern said, in a share that the command names', () => {
    const shares = [
      { server: 'other', share: '/exports/k8s/team' },
      { server: 'nas', share: '/exports/k8s' },
    ];
    expect(wish(nfs('/exports/k8s/team/data'), { ...NO_CHOICES, shares })).toMatchObject({
      share: '/exports/k8s',
      subDir: 'team/data',
    });
    expect(refusal(nfs('/exports/k8s/team/data'))).toContain('--share nas:PATH');
    expect(refusal(nfs('/exports/../etc'))).toContain('".."');
  });

  it.each([
    [{ archiveOnDelete: 'false' }, 'delete'],
    [{ archiveOnDelete: 'true' }, 'archive'],
    [{ onDelete: 'retain', archiveOnDelete: 'false' }, 'retain'],
    [{ onDelete: 'delete' }, 'delete'],
    [{ pathPattern: 'x' }, 'archive'],
  ])('whose class has %j is deleted by %s', (parameters, onDelete) => {
    expect(wish(nfs(path), NO_CHOICES, storageClass(parameters))).toMatchObject({ onDelete });
  });

  it('without its class is archived', () => {
    expect(wish(nfs(path))).toMatchObject({ onDelete: 'archive' });
  });

  it('keeps its mount options', () => {
    const annotations = { ...byProvisioner.annotations, 'volume.beta.kubernetes.io/mount-options': 'nfsvers=3,nolock' };
    expect(wish({ ...nfs(path, { mountOptions: [] }), metadata: { name: NAME, annotations } })).toMatchObject({
      options: ['nfsvers=3', 'nolock'],
    });
  });
});

describe('the input', () => {
  it('may be one volume, and has others that are left alone', () => {
    expect(readObjects(JSON.stringify(csi({}))).volumes).toHaveLength(1);
    const others = [
      volume({ nfs: { server: 'nas', path: '/' } }),
      volume({ csi: { driver: 'local.csi.stowage.dev' } }),
      volume({ hostPath: {} }),
    ];
    expect(readObjects(list(...others, { kind: 'Pod' }))).toMatchObject({ volumes: [], othersCount: 3 });
  });

  it('has each volume once', () => {
    const item = csi({ server: 'nas', share: '/', subDir: 'a' });
    const { candidates, refused } = read([item, item]);
    expect([candidates.length, refused.map(({ message }) => message)]).toEqual([1, ['the input has it twice']]);
  });

  it.each(['', '{', '[]', '"x"', '{"kind":"Pod"}', '{"kind":"List"}'])('is refused where it is %j', (text) => {
    expect(() => readObjects(text)).toThrow('kubectl get pv -o json');
  });

  it('of any form gives volumes, or words', () => {
    const someValue = fc.jsonValue({ maxDepth: 4 });
    const key = (name: string) => fc.record({ [name]: someValue }, { requiredKeys: [] });
    const spec = fc
      .tuple(key('capacity'), key('csi'), key('nfs'), key('mountOptions'), key('claimRef'))
      .map((all) => Object.assign({}, ...all));
    fc.assert(
      fc.property(spec, fc.boolean(), (odd, isCsi) => {
        const base = isCsi ? csi({ server: 'nas', share: '/', subDir: 'a' }) : nfs(`/a/b-${NAME}`);
        const item = { ...base, spec: Object.assign({}, base.spec, odd) };
        try {
          read([item]);
        } catch (error) {
          expect(isStowageError(error)).toBe(true);
        }
      }),
    );
  });
});

describe('the request to a running driver', () => {
  const adopt = COMMANDS.get(ADOPT_PATH);
  const one = { name: 'pvc-1', server: 'nas', share: '/', subDir: 'a', options: [], sizeBytes: 1, onDelete: 'delete' };
  const asked = (change: Json) => adopt?.read(JSON.stringify({ isDryRun: false, volumes: [{ ...one, ...change }] }));

  it('has volumes, and nothing else', () => {
    expect(asked({})?.what).toEqual({ adopt: 1, isDryRun: false });
    expect(adopt?.read('{"isDryRun":false,"volumes":[],"more":1}')).toBeUndefined();
  });

  it.each([
    { name: '../x' },
    { name: '' },
    { name: 'a'.repeat(129) },
    { sizeBytes: -1 },
    { sizeBytes: 1.5 },
    { onDelete: 'shred' },
    { options: 'hard' },
    { subDir: 'a'.repeat(5000) },
    { more: 1 },
  ])('is refused with %j', (change) => {
    expect(asked(change)).toBeUndefined();
  });
});

describe('the new volume', () => {
  it('binds to a claim of the same name, and keeps what was asked of the old one', () => {
    const { candidates } = read([
      {
        ...csi({ server: 'nas', share: '/srv', subDir: 'a', mountPermissions: '0777' }),
        metadata: { name: NAME, labels: { app: 'db' } },
      },
    ]);
    const [old] = candidates;
    if (old === undefined) throw new Error('refused');
    const context = { server: 'nas', share: '/srv', subDir: 'a' };
    expect(
      newVolume(old.volume, { driver: 'nfs.csi.stowage.dev', id: 'stw1v-x', context, mountOptions: old.wish.options }),
    ).toEqual({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: {
        name: NAME,
        labels: { app: 'db' },
        annotations: { 'pv.kubernetes.io/provisioned-by': 'nfs.csi.stowage.dev' },
      },
      spec: {
        capacity: { storage: '10Gi' },
        accessModes: ['ReadWriteMany'],
        volumeMode: 'Filesystem',
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: 'nfs',
        mountOptions: ['nfsvers=4.1'],
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'team', name: 'data' },
        csi: { driver: 'nfs.csi.stowage.dev', volumeHandle: 'stw1v-x', volumeAttributes: context },
      },
    });
  });
});
