import { describe, expect, it } from '@jest/globals';
import { type KubernetesObject, one, type Rule, renderChart, VALUE_SETS, type ValueSet, workloads } from './support.ts';

const rendered = new Map<ValueSet, KubernetesObject[]>();
for (const set of ['default', ...VALUE_SETS] as const) rendered.set(set, await renderChart(set));

const roles = (objects: readonly KubernetesObject[]) => objects.filter(({ kind }) => /^(Cluster)?Role$/.test(kind));
const bindings = (objects: readonly KubernetesObject[]) => objects.filter(({ kind }) => kind.endsWith('RoleBinding'));
const rulesOf = (object: KubernetesObject): readonly Rule[] => object.rules ?? [];

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];

describe.each([...rendered])('the rights with values %s', (_set, objects) => {
  it('name their verbs, resources and groups', () => {
    expect(roles(objects).length).toBeGreaterThan(0);
    for (const rule of roles(objects).flatMap(rulesOf)) {
      expect(VERBS).toEqual(expect.arrayContaining([...rule.verbs]));
      expect([...rule.apiGroups, ...rule.resources].filter((name) => name.includes('*'))).toEqual([]);
      expect(rule.resources.length * rule.verbs.length).toBeGreaterThan(0);
    }
  });

  it('reach no secret but those that the values name', () => {
    const secrets = roles(objects).flatMap((role) =>
      rulesOf(role)
        .filter(({ resources }) => resources.includes('secrets'))
        .map(({ verbs, resourceNames }) => ({
          kind: role.kind,
          namespace: role.metadata.namespace,
          verbs,
          resourceNames,
        })),
    );
    const allowed = { kind: 'Role', namespace: 'storage', verbs: ['get'], resourceNames: ['nfs-options'] };
    expect(secrets.filter((secret) => JSON.stringify(secret) !== JSON.stringify(allowed))).toEqual([]);
  });

  it('change nothing that decides on rights, nodes or other pods', () => {
    const writing = roles(objects)
      .flatMap(rulesOf)
      .filter(({ verbs }) => verbs.some((verb) => !/^(get|list|watch)$/.test(verb)));
    const touched = new Set(writing.flatMap(({ resources }) => resources));
    expect(
      [...touched].filter((name) => /role|serviceaccount|node|^pods|secret|configmap|daemonset|token/.test(name)),
    ).toEqual([]);
  });

  it('are each bound to an account that is there, and that pods use', () => {
    for (const { kind, metadata } of roles(objects)) {
      const of = bindings(objects).filter(({ roleRef }) => roleRef?.kind === kind && roleRef.name === metadata.name);
      expect({ role: metadata.name, bindings: of.length }).toEqual({ role: metadata.name, bindings: 1 });
      for (const { name, namespace } of of.flatMap(({ subjects }) => subjects ?? [])) {
        expect(namespace).toBe('storage');
        expect(one(objects, 'ServiceAccount', name).metadata.namespace).toBe('storage');
      }
    }
  });
});

it('each sidecar has the rights that its flags need, and the node pods of NFS have none', () => {
  const objects = rendered.get('everything') ?? [];
  const used = workloads(objects).map(({ name, pod }) => [name, pod.serviceAccountName]);
  expect(used).toEqual([
    ['stowage-local', 'stowage-local'],
    ['stowage-nfs-node', 'stowage-nfs-node'],
    ['stowage-nfs-controller', 'stowage-nfs-controller'],
  ]);
  const of = (account: string) =>
    bindings(objects)
      .filter(({ subjects }) => subjects?.some(({ name }) => name === account))
      .map(({ metadata }) => metadata.name.slice(account.length + 1))
      .sort();
  expect(of('stowage-local')).toEqual(['capacity', 'leases', 'provisioner', 'resizer', 'snapshotter']);
  expect(of('stowage-nfs-controller')).toEqual([
    'attacher',
    'leases',
    'provisioner',
    'resizer',
    'secret-nfs-options',
    'snapshotter',
  ]);
  expect(of('stowage-nfs-node')).toEqual([]);
});

it('leases can be changed by name only', () => {
  const objects = rendered.get('everything') ?? [];
  const names = roles(objects)
    .flatMap(rulesOf)
    .filter(({ resources, verbs }) => resources.includes('leases') && !verbs.includes('create'))
    .flatMap(({ resourceNames }) => resourceNames ?? []);
  expect(names).toEqual([
    'external-resizer-local-csi-stowage-dev',
    'nfs-csi-stowage-dev',
    'external-attacher-leader-nfs-csi-stowage-dev',
    'external-resizer-nfs-csi-stowage-dev',
    'external-snapshotter-leader-nfs-csi-stowage-dev',
  ]);
});
