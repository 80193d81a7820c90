import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import type { PoolConfig } from '../../src/config/schema.ts';
import { type KubernetesObject, one, parseObjects, renderChart } from './support.ts';

const CONFIGS = 'examples';
const OBJECTS = 'examples/kubernetes';

async function yamlFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
}

const files = (await yamlFiles(OBJECTS)).filter((name) => !name.startsWith('values-'));
const examples = new Map<string, KubernetesObject[]>();
for (const name of files) examples.set(name, parseObjects(await readFile(`${OBJECTS}/${name}`, 'utf8')));
const all = [...examples.values()].flat();

const local: object = parse(await readFile(`${OBJECTS}/values-local.yaml`, 'utf8'));
const nfs: object = parse(await readFile(`${OBJECTS}/values-nfs.yaml`, 'utf8'));
const installed = await renderChart('default', { ...local, ...nfs });

const pools = (map: string, key: string): readonly PoolConfig[] =>
  parseConfig(one(installed, 'ConfigMap', map).data?.[key] ?? '', key).pools;
const poolsOf: Readonly<Record<string, readonly PoolConfig[]>> = {
  'local.csi.stowage.dev': pools('stowage-local', 'config.yaml'),
  'nfs.csi.stowage.dev': pools('stowage-nfs', 'controller.yaml'),
};

/** All mappings in an object, however deep, with the key that they stand under. */
function mappings(value: unknown, key = ''): { key: string; mapping: Record<string, unknown> }[] {
  if (Array.isArray(value)) return value.flatMap((entry) => mappings(entry, key));
  if (typeof value !== 'object' || value === null) return [];
  const mapping = Object.fromEntries(Object.entries(value));
  return [{ key, mapping }, ...Object.entries(mapping).flatMap(([name, entry]) => mappings(entry, name))];
}

it.each((await yamlFiles(CONFIGS)).map((name) => [name]))('the driver accepts examples/%s', async (name) => {
  parseConfig(await readFile(`${CONFIGS}/${name}`, 'utf8'), name);
});

it.each([
  ['local volumes', local],
  ['both drivers', { ...local, ...nfs }],
])('the chart takes the values for %s', async (_what, values) => {
  expect((await renderChart('default', values)).length).toBeGreaterThan(10);
});

describe.each([...examples])('%s', (name, objects) => {
  it('has whole objects in it', () => {
    expect(objects.length).toBeGreaterThan(0);
    for (const object of objects) {
      expect(object).toMatchObject({
        apiVersion: expect.stringMatching(/^([a-z.0-9]+\/)?v\d/),
        kind: expect.stringMatching(/^[A-Z]/),
        metadata: { name: expect.stringMatching(/^[a-z0-9-]+$/) },
      });
    }
  });

  it('uses classes, claims and snapshots that are there', () => {
    const known = [...all, ...installed];
    const has = (kind: string, wanted: unknown) =>
      known.some((object) => object.kind === kind && object.metadata.name === wanted) ? [] : [`${kind} ${wanted}`];
    const missing = mappings(objects).flatMap(({ key, mapping }) => [
      ...(typeof mapping.storageClassName === 'string' && mapping.storageClassName !== ''
        ? has('StorageClass', mapping.storageClassName)
        : []),
      ...('claimName' in mapping ? has('PersistentVolumeClaim', mapping.claimName) : []),
      ...('volumeSnapshotClassName' in mapping ? has('VolumeSnapshotClass', mapping.volumeSnapshotClassName) : []),
      ...('volumeGroupSnapshotClassName' in mapping
        ? has('VolumeGroupSnapshotClass', mapping.volumeGroupSnapshotClassName)
        : []),
      ...('volumeAttributesClassName' in mapping
        ? has('VolumeAttributesClass', mapping.volumeAttributesClassName)
        : []),
      ...('persistentVolumeClaimName' in mapping
        ? has('PersistentVolumeClaim', mapping.persistentVolumeClaimName)
        : []),
      ...(key === 'dataSource' ? has(String(mapping.kind), mapping.name) : []),
      ...('volumeName' in mapping ? has('PersistentVolume', mapping.volumeName) : []),
    ]);
    expect(missing).toEqual([]);
  });

  it('uses pools that are there, and inline volumes only those that allow it', () => {
    for (const { parameters, provisioner = '' } of objects) {
      if (parameters?.pool === undefined) continue;
      expect(poolsOf[provisioner]?.map((pool) => pool.name)).toContain(parameters.pool);
    }
    for (const { key, mapping } of mappings(objects)) {
      if (key !== 'csi') continue;
      expect(Object.keys(poolsOf)).toContain(mapping.driver);
      const { pool } = attributes(mapping);
      if (pool === undefined) continue;
      expect(poolsOf[String(mapping.driver)]?.find((one) => one.name === pool)).toMatchObject({ ephemeral: true });
    }
  });

  it('is in the table of the README', async () => {
    expect(await readFile(`${OBJECTS}/README.md`, 'utf8')).toContain(`\`${name}\``);
  });
});

function attributes(mapping: Record<string, unknown>): Record<string, unknown> {
  const { volumeAttributes } = mapping;
  return typeof volumeAttributes === 'object' && volumeAttributes !== null
    ? Object.fromEntries(Object.entries(volumeAttributes))
    : {};
}

it('places of the host lie beneath what the values allow', () => {
  const paths = mappings(all).flatMap(({ key, mapping }) =>
    key === 'volumeAttributes' && typeof mapping.path === 'string' ? [mapping.path] : [],
  );
  expect(paths.length).toBeGreaterThan(0);
  const config = parseConfig(one(installed, 'ConfigMap', 'stowage-local').data?.['config.yaml'] ?? '', 'config.yaml');
  for (const path of paths) expect(config.hostPaths.some((folder) => path.startsWith(`${folder}/`))).toBe(true);
});

it('no two objects have one name, so that all examples can be there at once', () => {
  const ids = all.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect([...ids].sort()).toEqual([...new Set(ids)].sort());
});
