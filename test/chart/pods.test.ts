import { dirname } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import {
  type Container,
  containerOf,
  type KubernetesObject,
  one,
  podsOf,
  renderChart,
  VALUE_SETS,
  type ValueSet,
  workloads,
} from './support.ts';

const rendered = new Map<ValueSet, KubernetesObject[]>();
for (const set of ['default', ...VALUE_SETS] as const) rendered.set(set, await renderChart(set));

/** Those that make mounts which the host sees, or run its NFS server. */
const PRIVILEGED = [
  'stowage-local/driver',
  'stowage-nfs-node/driver',
  'stowage-nfs-controller/driver', // managed mode only
  'stowage-nfs-mountd/mountd',
];
const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount';

describe.each([...rendered])('the pods with values %s', (set, objects) => {
  const all = workloads(objects).flatMap(({ name, pod, containers }) =>
    containers.map((container) => ({ id: `${name}/${container.name}`, pod, container })),
  );

  it('have no privileged container but those of nodes', () => {
    const privileged = all
      .filter(({ container }) => container.securityContext?.privileged === true)
      .map(({ id }) => id);
    const isManaged = set === 'nfs-managed' || set === 'everything';
    const allowed = PRIVILEGED.filter((id) => isManaged || !/nfs-(controller|mountd)/.test(id));
    expect(privileged.filter((id) => !allowed.includes(id))).toEqual([]);
  });

  it('have read-only root file systems, and nothing that a container does not need', () => {
    expect(all.length).toBeGreaterThan(0);
    for (const { id, container } of all) {
      const { readOnlyRootFilesystem, privileged, allowPrivilegeEscalation, capabilities } =
        container.securityContext ?? {};
      expect({ id, readOnlyRootFilesystem }).toEqual({ id, readOnlyRootFilesystem: true });
      if (privileged === true) continue;
      expect({ id, drop: capabilities?.drop }).toEqual({ id, drop: ['ALL'] });
      if (capabilities?.add === undefined) {
        expect({ id, allowPrivilegeEscalation }).toEqual({ id, allowPrivilegeEscalation: false });
      } else {
        expect(id).toBe('stowage-nfs-controller/driver');
      }
    }
  });

  it('give the token to sidecars that ask the API server, and never to the driver', () => {
    const withToken = all.filter(({ container }) =>
      (container.volumeMounts ?? []).some(({ mountPath }) => mountPath === TOKEN),
    );
    expect(withToken.map(({ container }) => container.name)).not.toContain('driver');
    for (const { container } of withToken)
      expect(container.image).toMatch(/csi-(provisioner|attacher|resizer|snapshotter):/);
    for (const { pod } of workloads(objects)) expect(pod.automountServiceAccountToken).toBe(false);
  });

  it('let only privileged containers propagate mounts to the host', () => {
    for (const { id, container } of all) {
      const both = (container.volumeMounts ?? []).filter(
        ({ mountPropagation }) => mountPropagation === 'Bidirectional',
      );
      if (both.length > 0)
        expect({ id, privileged: container.securityContext?.privileged }).toEqual({ id, privileged: true });
    }
  });

  it('mount what they declare, each place once', () => {
    for (const { name, pod, containers } of workloads(objects)) {
      const volumes = pod.volumes.map((volume) => volume.name);
      const mounted = containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map((mount) => mount.name));
      expect({ name, volumes: [...volumes].sort() }).toEqual({ name, volumes: [...new Set(mounted)].sort() });
      expect(new Set(volumes).size).toBe(volumes.length);
      for (const { volumeMounts = [] } of containers) {
        const paths = volumeMounts.map(({ mountPath }) => mountPath);
        expect(new Set(paths).size).toBe(paths.length);
      }
    }
  });

  it('say what each container may take', () => {
    for (const { id, container } of all) {
      expect({ id, has: Object.keys(container.resources ?? {}).sort() }).toEqual({ id, has: ['limits', 'requests'] });
    }
  });

  it('use no port twice on a node', () => {
    const onNodes = workloads(objects).filter(({ pod }) => pod.hostNetwork === true);
    const ports = onNodes.flatMap(({ containers }) => containers.flatMap(listening));
    expect([...ports].sort()).toEqual([...new Set(ports)].sort());
    for (const { containers } of workloads(objects)) {
      const own = containers.flatMap(listening);
      expect([...own].sort()).toEqual([...new Set(own)].sort());
    }
  });

  it('listen on the node only for itself, unless metrics are asked for', () => {
    if (set === 'everything') return expect(true).toBe(true);
    for (const { pod, containers } of workloads(objects)) {
      if (pod.hostNetwork !== true) continue;
      const open = containers.flatMap(({ args }) => (args ?? []).filter((arg) => /^--http-endpoint=:/.test(arg)));
      expect(open).toEqual([]);
    }
  });

  it('are probed by the kubelet', () => {
    const drivers = all.filter(({ container }) => container.name === 'driver');
    expect(drivers.length).toBeGreaterThan(0);
    for (const { container } of drivers) expect(container.livenessProbe).toBeDefined();
  });

  it('are not ended by the kubelet while the driver recovers', () => {
    const probed = all.filter(({ container }) => container.livenessProbe !== undefined);
    const patience = probed.map(({ container }) => container.startupProbe?.failureThreshold);
    expect(new Set(patience)).toEqual(new Set([900]));
  });
});

/** Ports that a container opens by its arguments. */
function listening({ args }: Container): string[] {
  return (args ?? []).flatMap((arg) => /^--http-endpoint=.*:(\d+)$/.exec(arg)?.[1] ?? []);
}

it('the controller of NFS is one, which ends before the next one starts', () => {
  const deployment = one(rendered.get('nfs-share') ?? [], 'Deployment', 'stowage-nfs-controller');
  expect(deployment.spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
});

it.each(['nfs-share', 'nfs-managed'] as const)('pods of NFS use the network of their nodes (%s)', (set) => {
  for (const { pod } of workloads(rendered.get(set) ?? [])) expect(pod.hostNetwork).toBe(true);
});

it('no two processes of a node share a state folder', () => {
  const objects = rendered.get('everything') ?? [];
  const folders = ['stowage-local', 'stowage-nfs'].flatMap((name) =>
    Object.values(one(objects, 'ConfigMap', name).data ?? {}).map((text) => parseConfig(text, name).stateDir),
  );
  expect(new Set(folders).size).toBe(3);
});

describe('the folders of pools', () => {
  const pod = podsOf(one(rendered.get('everything') ?? [], 'DaemonSet', 'stowage-local'));
  const { volumeMounts = [] } = containerOf(pod, 'driver');
  const pathOf = new Map(pod.volumes.map(({ name, hostPath }) => [name, hostPath?.path]));
  const seen = volumeMounts.filter(({ name }) => name.startsWith('folder-'));

  it('are seen at the same path as on the host, with what is mounted there later', () => {
    expect(seen.map(({ mountPath }) => mountPath)).toEqual(['/mnt', '/srv/plain', '/srv/shared']);
    for (const { name, mountPath, mountPropagation } of seen) {
      expect({ mountPath: pathOf.get(name), mountPropagation }).toEqual({
        mountPath,
        mountPropagation: 'HostToContainer',
      });
    }
  });

  // A volume of a container is a mount point in it whatever lies behind: requireMount would always be satisfied.
  it('are not mounted themselves where requireMount is to tell whether their disk is', () => {
    const { pools } = parseConfig(
      one(rendered.get('everything') ?? [], 'ConfigMap', 'stowage-local').data?.['config.yaml'] ?? '',
      'x',
    );
    const wary = pools.filter(({ requireMount }) => requireMount);
    expect(wary.length).toBe(3);
    for (const { path } of wary) {
      expect(seen.map(({ mountPath }) => mountPath)).not.toContain(path);
      expect(seen.map(({ mountPath }) => mountPath)).toContain(dirname(path));
    }
  });
});

it('another folder of the kubelet is used everywhere', async () => {
  const text = JSON.stringify(workloads(await renderChart('default', { kubeletDir: '/var/lib/k0s/kubelet' })));
  expect(text).not.toContain('/var/lib/kubelet');
  expect(text).toContain('/var/lib/k0s/kubelet/plugins/local.csi.stowage.dev/csi.sock');
});

it('images can be given by digest and from another registry', async () => {
  const objects = await renderChart('everything', { sidecars: { registry: 'mirror.example.org/csi' } });
  const images = workloads(objects).flatMap(({ containers }) => containers.map(({ image }) => image));
  expect(
    images.filter((image) => !/^(mirror\.example\.org\/csi|registry\.example\.org\/storage)\//.test(image)),
  ).toEqual([]);
  expect(images.find((image) => image.includes('stowage'))).toMatch(/@sha256:[0-9a-f]{64}$/);
});

it('versions of sidecars are the ones that were tried', () => {
  const images = workloads(rendered.get('nfs-share') ?? []).flatMap(({ containers }) =>
    containers.map(({ image }) => image),
  );
  expect(
    [...new Set(images)]
      .filter((image) => image.includes('/csi-'))
      .map((image) => image.split('/').at(-1))
      .sort(),
  ).toEqual([
    'csi-attacher:v4.12.0',
    'csi-node-driver-registrar:v2.17.0',
    'csi-provisioner:v6.3.0',
    'csi-resizer:v2.2.0',
    'csi-snapshotter:v8.6.0',
  ]);
});

it('a value is quoted as YAML needs it', async () => {
  const objects = await renderChart('default', { local: { podAnnotations: { answer: 'yes' } } });
  const { metadata } = one(objects, 'DaemonSet', 'stowage-local').spec?.template ?? {};
  expect(parse(JSON.stringify(metadata?.annotations))).toMatchObject({ answer: 'yes' });
});

it('rpc.mountd is left alone by upgrades', () => {
  const objects = rendered.get('nfs-managed') ?? [];
  expect(one(objects, 'DaemonSet', 'stowage-nfs-mountd').spec).toMatchObject({ updateStrategy: { type: 'OnDelete' } });
});

it('the driver waits for a server that the node runs', () => {
  const [waits] =
    podsOf(one(rendered.get('everything') ?? [], 'Deployment', 'stowage-nfs-controller')).initContainers ?? [];
  expect(waits?.args?.join()).toContain('/dev/tcp/127.0.0.1/2049');
});
